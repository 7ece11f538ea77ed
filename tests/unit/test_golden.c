// SPDX-License-Identifier: BSD-3-Clause
// The self-check of a compilation: sound models pass it whatever they are drawn from, and an error
// in one weight, put in behind the passes, does not.
#include "infer/compile/golden.h"
#include "infer/compile/passes/run.h"
#include "infer/graph/arena.h"
#include "infer/graph/trees.h"
#include "infer/image/image.h"
#include "infer/import/build.h"
#include "infer/infer.h"
#include "infer/ops/check.h"
#include "tests/cmocka.h"
#include "tests/kernels/random_trees.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MODELS  1000
#define PLANTED 1e-4f

static uint64_t state;
static struct graph *graph;
static struct compile_report report;
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

	assert_int_not_equal(t, GRAPH_NONE);
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
	assert_non_null(graph);
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
	if (scores == GRAPH_NONE || build_output(graph, scores, &err) != 0)
		fail_msg("%s", err.text);
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

// The scores of the graph as it is now, checked as whoever opens the image does.
static int check(void)
{
	const struct model_options options = { .no_timing = true };
	struct model *model;
	void *image;
	size_t size;
	int rc;

	if (image_write(graph, &image, &size, &err) != 0 ||
		model_open(image, size, &options, &model, &err) != 0)
		fail_msg("%s", err.text);
	rc = model_check_golden(model, &err);
	model_close(model);
	free(image);
	return rc;
}

static void fill_and_pass(void)
{
	if (graph_check(graph, &err) != 0 || golden_fill(graph, NULL, 0, &report, &err) != 0 ||
		passes_run(graph, &report, &err) != 0)
		fail_msg("%s", err.text);
}

// Is node n's input a matrix of weights, or what is at the leaves of trees?
static bool holds_weights(uint32_t n, uint32_t *t)
{
	const struct node *node = &graph->nodes[n];

	if (node->op != OP_DENSE && node->op != OP_TREES)
		return false;
	*t = node->inputs[node->op == OP_DENSE ? 1 : TREES_WEIGHT];
	return true;
}

// A weight that takes part: of a layer the largest of some, of trees the one of a leaf that a golden
// row reaches. Its index in tensor *t.
static size_t choose_weight(uint32_t *t)
{
	uint32_t n = draw(0, graph->n_nodes - 1);
	size_t best = 0;

	while (!holds_weights(n, t))
		n = (n + 1) % graph->n_nodes;
	if (graph->nodes[n].op == OP_TREES) {
		struct trees trees;
		int32_t at;

		trees_of_node(graph, &graph->nodes[n], &trees);
		at = trees.root[0];
		while (at >= 0)
			at = trees.children[at][trees_decide(
				&trees, (uint32_t)at, graph->golden_rows[trees.feature[at]])];
		return (size_t)trees.weight_first[~at];
	}
	for (size_t i = 1; i < (size_t)tensor_elements(&graph->tensors[*t]); i++)
		best = fabsf(values_of(*t)[i]) > fabsf(values_of(*t)[best]) ? i : best;
	return best;
}

// A copy of the tensor's values with one that is too large.
static void plant(void)
{
	uint32_t t;
	const size_t at = choose_weight(&t);
	struct tensor *tensor = &graph->tensors[t];
	float *values = arena_memdup(graph->arena, tensor->data, tensor_bytes(tensor));

	assert_non_null(values);
	values[at] *= 1.0f + PLANTED;
	tensor->data = values;
}

// Draws models, each from its own seed; all must pass, and of those with an error at least `percent`
// be refused: the others are such as a saturated Sigmoid, which hides it, or a unit that is 0.
static void check_models(void (*draw_model)(void), uint32_t count, uint32_t percent)
{
	uint32_t found = 0, empty = 0;

	for (uint32_t i = 0; i < count; i++) {
		state = 88172645463325252u + i;
		draw_model();
		fill_and_pass();
		if (check() != 0)
			fail_msg("model %u: %s", i, err.text);
		empty += graph->n_golden == 0;
		plant();
		found += check() != 0;
		graph_destroy(graph);
		compile_report_fini(&report);
	}
	assert_int_equal(empty, 0);
	assert_in_range(found * 100, count * percent, count * 100);
}

static void linear_models_pass_and_errors_are_found(void **test)
{
	check_models(draw_linear, MODELS / 3, 65);
}

static void forests_pass_and_errors_are_found(void **test)
{
	check_models(draw_forest, MODELS / 3, 90);
}

static void networks_pass_and_errors_are_found(void **test)
{
	check_models(draw_network, MODELS / 3 + 1, 70);
}

static bool report_says(const char *part)
{
	for (size_t l = 0; l < report.n_lines; l++) {
		if (strstr(report.lines[l], part))
			return true;
	}
	return false;
}

// Two classes whose scores are the same sum in two orders: which is larger, rounding decides.
static void what_hangs_in_every_row_is_not_checked(void **test)
{
	uint32_t x = begin(8), w;

	state = 1;
	w = draw_constant(8, 2, 1.0f);
	for (uint32_t c = 0; c < 8; c++)
		values_of(w)[c * 2 + 1] = values_of(w)[c * 2];
	x = build_pair(graph, OP_MATMUL, x, w, &err);
	end(x, true);
	fill_and_pass();
	assert_true(report_says("those scores are not checked"));
	assert_int_equal(check(), 0);
	graph_destroy(graph);
	compile_report_fini(&report);
}

// A tolerance is that of the sum, not of the score: 1e4 - 1e4 + 1e-4 has few digits.
static void a_sum_that_cancels_is_as_exact_as_its_terms(void **test)
{
	static const float W[3] = { 1e4f, -1e4f, 1e-4f };
	uint32_t x = begin(3), w;

	state = 1;
	w = draw_constant(3, 1, 1.0f);
	memcpy(values_of(w), W, sizeof(W));
	end(build_pair(graph, OP_MATMUL, x, w, &err), false);
	fill_and_pass();
	assert_int_equal(check(), 0);
	for (uint32_t r = 0; r < graph->n_golden; r++) {
		const float *row = &graph->golden_rows[r * 3];
		const float terms = 1e4f * (fabsf(row[0]) + fabsf(row[1]));

		assert_true(graph->golden_tolerance[r] > terms * 0x1p-25f);
		assert_true(graph->golden_tolerance[r] < 4e4f * 2e-6f); // x is -2 to 2
	}
	graph_destroy(graph);
	compile_report_fini(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_hangs_in_every_row_is_not_checked),
		cmocka_unit_test(a_sum_that_cancels_is_as_exact_as_its_terms),
		cmocka_unit_test(linear_models_pass_and_errors_are_found),
		cmocka_unit_test(forests_pass_and_errors_are_found),
		cmocka_unit_test(networks_pass_and_errors_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
