// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/graph_build.h"
#include "infer/ops/table.h"

#include "infer/graph/arena.h"

#include <stdlib.h>

// Aborts whatever NDEBUG says: a test cannot go on without its graph.
#define MUST(what)                                                                                 \
	do {                                                                                       \
		if (!(what))                                                                       \
			abort();                                                                   \
	} while (0)

float graph_random(unsigned *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (float)(*seed >> 8) / 16777216.0f - 0.5f;
}

uint32_t graph_f32(struct graph *graph, const char *name, uint32_t rank, const int64_t *dims)
{
	uint32_t t = graph_add_tensor(graph, name, DTYPE_F32, rank, dims, NULL, NULL);

	MUST(t != GRAPH_NONE);
	return t;
}

uint32_t graph_f32_constant(
	struct graph *graph, const char *name, uint32_t rank, const int64_t *dims, unsigned seed)
{
	uint32_t t = graph_f32(graph, name, rank, dims);
	size_t count = (size_t)tensor_elements(&graph->tensors[t]);
	float *data = arena_calloc(graph->arena, count, sizeof(*data));

	MUST(data);
	for (size_t i = 0; i < count; i++)
		data[i] = graph_random(&seed);
	graph->tensors[t].data = data;
	return t;
}

uint32_t graph_op(struct graph *graph, enum op op, uint32_t n_inputs, const uint32_t *inputs)
{
	struct tensor shape = { 0 };
	uint32_t none = 0, n, t;
	char name[32];

	n = graph_add_node(graph, op, NULL, n_inputs, inputs, 1, &none, NULL);
	MUST(n != GRAPH_NONE && op_infer(graph, &graph->nodes[n], &shape, NULL) == 0);
	snprintf(name, sizeof(name), "t%u", graph->n_tensors);
	t = graph_add_tensor(graph, name, shape.dtype, shape.rank, shape.dims, NULL, NULL);
	MUST(t != GRAPH_NONE);
	graph->nodes[n].outputs[0] = t;
	return t;
}

static const char **names(struct graph *graph, const char *stem, uint32_t count)
{
	const char **list = arena_calloc(graph->arena, count, sizeof(*list));
	char name[32];

	MUST(list);
	for (uint32_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s%u", stem, i);
		list[i] = arena_strdup(graph->arena, name);
		MUST(list[i]);
	}
	return list;
}

void graph_finish(struct graph *graph, uint32_t input, uint32_t output)
{
	struct graph_port *ports = arena_calloc(graph->arena, 2, sizeof(*ports));

	MUST(ports);
	ports[0].tensor = input;
	ports[1].tensor = output;
	graph->inputs = &ports[0];
	graph->outputs = &ports[1];
	graph->n_inputs = graph->n_outputs = 1;
	graph->n_features = (uint32_t)tensor_elements(&graph->tensors[input]);
	graph->n_columns_out = (uint32_t)tensor_elements(&graph->tensors[output]);
	graph->name = "test";
	graph->source_kind = "onnx";
	graph->feature_names = names(graph, "x", graph->n_features);
	graph->output_names = names(graph, "y", graph->n_columns_out);
}

struct graph *graph_mlp(uint32_t n_sizes, const uint32_t *sizes, bool softmax, unsigned seed)
{
	struct graph *graph = graph_create();
	uint32_t x, input;

	MUST(graph);
	input = x = graph_f32(graph, "x", 2, (int64_t[]){ 1, sizes[0] });
	for (uint32_t l = 1; l < n_sizes; l++) {
		int64_t dims[2] = { sizes[l - 1], sizes[l] };
		char name[2][16];
		uint32_t in[3] = { x };

		snprintf(name[0], sizeof(name[0]), "w%u", l);
		snprintf(name[1], sizeof(name[1]), "b%u", l);
		in[1] = graph_f32_constant(graph, name[0], 2, dims, seed + l);
		in[2] = graph_f32_constant(graph, name[1], 1, dims + 1, seed + 100 + l);
		x = graph_op(graph, OP_DENSE, 3, in);
		if (l + 1 < n_sizes)
			MUST(node_set_int(graph, &graph->nodes[graph->n_nodes - 1], ATTR_ACTIVATION,
				     ACTIVATION_RELU) == 0);
	}
	if (softmax)
		x = graph_op(graph, OP_SOFTMAX, 1, &x);
	graph_finish(graph, input, x);
	return graph;
}
