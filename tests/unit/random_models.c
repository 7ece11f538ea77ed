// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/random_models.h"
#include "infer/graph/arena.h"
#include "infer/graph/trees.h"
#include "infer/import/build.h"
#include "tests/kernels/random_trees.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;
static struct graph *graph;
static struct error err;

static uint32_t draw(uint32_t from, uint32_t to)
{
	return from + (uint32_t)(random_next(&state) % (to - from + 1));
}

static float draw_float(void) // -1 to 1
{
	return (float)(random_next(&state) % 2000001) / 1e6f - 1.0f;
}

// [d0, d1], or [d1] where d0 is 0, of values up to `size`.
static uint32_t draw_constant(uint32_t d0, uint32_t d1, float size)
{
	const int64_t dims[2] = { d0 ? d0 : d1, d1 };
	float *data;
	uint32_t t = build_constant(graph, d0 ? 2 : 1, dims, &data, &err);

	if (t == GRAPH_NONE)
		abort();
	for (int64_t i = 0; i < dims[0] * (d0 ? dims[1] : 1); i++)
		data[i] = draw_float() * size;
	return t;
}

static float *values_of(uint32_t t)
{
	return (float *)(uintptr_t)graph->tensors[t].data;
}

static uint32_t then(enum op op, uint32_t a)
{
	return build_node(graph, op, 1, &a, &err);
}

static uint32_t begin(uint32_t features)
{
	const char **names;

	graph = graph_create();
	if (!graph)
		abort();
	graph->name = "test";
	graph->source_kind = "onnx";
	names = arena_calloc(graph->arena, features, sizeof(*names));
	for (uint32_t f = 0; names && f < features; f++)
		names[f] = "x";
	return build_input(graph, features, names, &err);
}

// The scores, or the scores and which of them is the largest.
static void end(uint32_t scores, bool label)
{
	if (label) {
		const uint32_t of = build_arg_max(graph, scores, &err);

		scores = build_pair(graph, OP_ADD, scores, of, &err);
	}
	if (scores == GRAPH_NONE || build_output(graph, scores, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
}

// Columns of very different magnitudes, with or without a scaler before the layer: sums that cancel.
static void draw_linear(void)
{
	const uint32_t k = draw(1, 64), n = draw(1, 10);
	uint32_t x = begin(k), w;

	if (draw(0, 1)) {
		x = build_pair(graph, OP_SUB, x, draw_constant(0, k, 100.0f), &err);
		x = build_pair(graph, OP_DIV, x, draw_constant(0, k, 10.0f), &err);
	}
	w = draw_constant(k, n, 1.0f);
	for (uint32_t c = 0; c < k; c++) {
		const float size = powf(10.0f, draw_float() * 4.0f);

		for (uint32_t j = 0; j < n; j++)
			values_of(w)[c * n + j] *= size;
	}
	x = build_pair(graph, OP_MATMUL, x, w, &err);
	x = build_pair(graph, OP_ADD, x, draw_constant(0, n, 1.0f), &err);
	if (draw(0, 2) == 0)
		x = then(draw(0, 1) ? OP_SIGMOID : OP_SOFTMAX, x);
	end(x, draw(0, 1));
}

static uint32_t trees_tensor(enum dtype dtype, uint32_t rows, uint32_t columns, const void *data)
{
	const int64_t dims[2] = { rows, columns };
	char name[32];

	snprintf(name, sizeof(name), "t%u", graph->n_tensors);
	return graph_add_tensor(graph, name, dtype, columns ? 2 : 1, dims,
		arena_memdup(
			graph->arena, data, rows * (columns ? columns : 1) * dtype_bytes(dtype)),
		&err);
}

// Leaves that vote for a class by 1, as in a forest, whose votes are often equal; or that have any
// weight, as in boosting.
static void draw_forest(void)
{
	const bool votes = draw(0, 1);
	const struct random_trees how = { .n_trees = draw(1, 60),
		.n_features = draw(1, 20),
		.n_targets = draw(1, 4),
		.leaves_max = draw(2, 24),
		.thresholds = 7 };
	uint32_t in[TREES_LINEAR_FIRST] = { begin(how.n_features) }, x;
	struct trees trees;

	random_trees_init(&trees, &how, random_next(&state));
	for (uint32_t w = 0; w < trees.n_weights; w++) {
		((float *)(uintptr_t)trees.weight)[w] = votes ? 1.0f : draw_float();
		((int32_t *)(uintptr_t)trees.weight_target)[w] =
			(int32_t)draw(0, how.n_targets - 1);
	}
	for (uint32_t t = 0; t < how.n_targets; t++)
		((float *)(uintptr_t)trees.base)[t] = 0;
	in[TREES_ROOT] = trees_tensor(DTYPE_I32, trees.n_trees, 0, trees.root);
	in[TREES_FEATURE] = trees_tensor(DTYPE_I32, trees.n_branches, 0, trees.feature);
	in[TREES_THRESHOLD] = trees_tensor(DTYPE_F32, trees.n_branches, 0, trees.threshold);
	in[TREES_KIND] = trees_tensor(DTYPE_U8, trees.n_branches, 0, trees.kind);
	in[TREES_CHILDREN] = trees_tensor(DTYPE_I32, trees.n_branches, 2, trees.children);
	in[TREES_WEIGHT_FIRST] = trees_tensor(DTYPE_I32, trees.n_leaves + 1, 0, trees.weight_first);
	in[TREES_WEIGHT_TARGET] = trees_tensor(DTYPE_I32, trees.n_weights, 0, trees.weight_target);
	in[TREES_WEIGHT] = trees_tensor(DTYPE_F32, trees.n_weights, 0, trees.weight);
	in[TREES_BASE] = trees_tensor(DTYPE_F32, trees.n_targets, 0, trees.base);
	random_trees_fini(&trees);
	x = build_node(graph, OP_TREES, TREES_BASE + 1, in, &err);
	if (votes)
		x = build_pair(
			graph, OP_DIV, x, build_scalar(graph, (float)how.n_trees, &err), &err);
	else if (draw(0, 1))
		x = then(OP_SIGMOID, x);
	end(x, votes || draw(0, 1));
}

static void draw_network(void)
{
	static const enum op BETWEEN[] = { OP_RELU, OP_TANH, OP_SIGMOID, OP_GELU, OP_ELU,
		OP_SOFTPLUS, OP_SOFTSIGN };
	const uint32_t layers = draw(2, 4);
	uint32_t k = draw(1, 64), x = begin(k);

	for (uint32_t l = 0; l < layers; l++) {
		const uint32_t n = l + 1 < layers ? draw(4, 96) : draw(1, 10);
		const float size = 2.0f / sqrtf((float)k);

		x = build_pair(graph, OP_MATMUL, x, draw_constant(k, n, size), &err);
		x = build_pair(graph, OP_ADD, x, draw_constant(0, n, size), &err);
		if (l + 1 < layers)
			x = then(BETWEEN[draw(0, sizeof(BETWEEN) / sizeof(*BETWEEN) - 1)], x);
		k = n;
	}
	if (draw(0, 1))
		x = then(OP_SOFTMAX, x);
	end(x, draw(0, 1));
}

struct graph *random_model(enum random_model kind, uint64_t seed)
{
	static void (*const DRAW[])(void) = { draw_linear, draw_forest, draw_network };

	state = 88172645463325252u + seed;
	DRAW[kind]();
	return graph;
}
