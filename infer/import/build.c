// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/build.h"
#include "infer/graph/arena.h"
#include "infer/ops/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *next_name(struct graph *graph, struct error *err)
{
	char name[24];
	const char *own;

	snprintf(name, sizeof(name), "step_%" PRIu32, graph->n_tensors);
	own = arena_strdup(graph->arena, name);
	if (!own)
		error_set(err, -ENOMEM, "out of memory");
	return own;
}

static uint32_t add(struct graph *graph, enum op op, uint32_t n_inputs, const uint32_t *inputs,
	uint32_t n_attrs, const struct attr *attrs, struct error *err)
{
	struct tensor shape = { 0 };
	const char *name;
	uint32_t output, node;

	for (uint32_t i = 0; i < n_inputs; i++) {
		if (inputs[i] == GRAPH_NONE)
			return GRAPH_NONE;
	}
	name = next_name(graph, err);
	if (!name)
		return GRAPH_NONE;
	output = graph_add_tensor(graph, name, DTYPE_F32, 0, NULL, NULL, err);
	if (output == GRAPH_NONE)
		return GRAPH_NONE;
	node = graph_add_node(graph, op, name, n_inputs, inputs, 1, &output, err);
	if (node == GRAPH_NONE)
		return GRAPH_NONE;
	for (uint32_t i = 0; i < n_attrs; i++) {
		const int rc = attrs[i].kind == ATTR_KIND_INTS
			? node_set_ints(graph, &graph->nodes[node], attrs[i].key, attrs[i].count,
				  attrs[i].ints)
			: node_set_int(graph, &graph->nodes[node], attrs[i].key, attrs[i].i);

		if (rc != 0) {
			error_set(err, -ENOMEM, "out of memory");
			return GRAPH_NONE;
		}
	}
	if (op_infer(graph, &graph->nodes[node], &shape, err) != 0)
		return GRAPH_NONE;
	shape.name = name;
	shape.data = NULL;
	graph->tensors[output] = shape;
	return output;
}

uint32_t build_node(struct graph *graph, enum op op, uint32_t n_inputs, const uint32_t *inputs,
	struct error *err)
{
	return add(graph, op, n_inputs, inputs, 0, NULL, err);
}

uint32_t build_pair(struct graph *graph, enum op op, uint32_t a, uint32_t b, struct error *err)
{
	const uint32_t pair[2] = { a, b };

	return add(graph, op, 2, pair, 0, NULL, err);
}

uint32_t build_cast(struct graph *graph, uint32_t input, enum dtype to, struct error *err)
{
	const struct attr attr = { .key = ATTR_TO, .kind = ATTR_KIND_INT, .count = 1, .i = to };

	return add(graph, OP_CAST, 1, &input, 1, &attr, err);
}

uint32_t build_joined(
	struct graph *graph, uint32_t n_inputs, const uint32_t *inputs, struct error *err)
{
	const struct attr attr = { .key = ATTR_AXIS, .kind = ATTR_KIND_INT, .count = 1, .i = -1 };

	return add(graph, OP_CONCAT, n_inputs, inputs, 1, &attr, err);
}

uint32_t build_columns(struct graph *graph, uint32_t input, uint32_t n_columns,
	const uint32_t *index, struct error *err)
{
	const struct attr axis = { .key = ATTR_AXIS, .kind = ATTR_KIND_INT, .count = 1, .i = 1 };
	const int64_t dims = n_columns;
	int64_t *places = arena_calloc(graph->arena, n_columns, sizeof(*places));
	const char *name = next_name(graph, err);
	uint32_t pair[2] = { input };

	if (!places || !name) {
		error_set(err, -ENOMEM, "out of memory");
		return GRAPH_NONE;
	}
	for (uint32_t i = 0; i < n_columns; i++)
		places[i] = index[i];
	pair[1] = graph_add_tensor(graph, name, DTYPE_I64, 1, &dims, places, err);
	return pair[1] == GRAPH_NONE ? GRAPH_NONE : add(graph, OP_GATHER, 2, pair, 1, &axis, err);
}

uint32_t build_reshaped(
	struct graph *graph, uint32_t input, uint32_t rank, const int64_t *dims, struct error *err)
{
	const struct attr shape = {
		.key = ATTR_SHAPE, .kind = ATTR_KIND_INTS, .count = rank, .ints = dims
	};

	return add(graph, OP_RESHAPE, 1, &input, 1, &shape, err);
}

uint32_t build_arg_max(struct graph *graph, uint32_t input, struct error *err)
{
	const struct attr attr = { .key = ATTR_AXIS, .kind = ATTR_KIND_INT, .count = 1, .i = -1 };

	return build_cast(graph, add(graph, OP_ARG_MAX, 1, &input, 1, &attr, err), DTYPE_F32, err);
}

#define BUILD_INT(k, value)                                                                        \
	{                                                                                          \
		.key = (k), .kind = ATTR_KIND_INT, .count = 1, .i = (value)                        \
	}

uint32_t build_sorted(struct graph *graph, uint32_t input, struct error *err)
{
	const int64_t n = input == GRAPH_NONE ? 0 : tensor_elements(&graph->tensors[input]);
	const struct attr attrs[] = { BUILD_INT(ATTR_K, n), BUILD_INT(ATTR_AXIS, -1),
		BUILD_INT(ATTR_LARGEST, 0) };

	return add(graph, OP_TOP_K, 1, &input, 3, attrs, err);
}

uint32_t build_running_sum(struct graph *graph, uint32_t input, struct error *err)
{
	const struct attr axis = BUILD_INT(ATTR_AXIS, -1);

	return add(graph, OP_CUM_SUM, 1, &input, 1, &axis, err);
}

uint32_t build_constant(
	struct graph *graph, uint32_t rank, const int64_t *dims, float **data, struct error *err)
{
	const char *name = next_name(graph, err);
	size_t count = 1;

	for (uint32_t d = 0; d < rank; d++)
		count *= (size_t)dims[d];
	*data = name ? arena_calloc(graph->arena, count + 1, sizeof(float)) : NULL;
	if (!*data) {
		error_set(err, -ENOMEM, "out of memory");
		return GRAPH_NONE;
	}
	return graph_add_tensor(graph, name, DTYPE_F32, rank, dims, *data, err);
}

uint32_t build_scalar(struct graph *graph, float value, struct error *err)
{
	const int64_t one = 1;
	float *data;
	const uint32_t made = build_constant(graph, 1, &one, &data, err);

	if (made != GRAPH_NONE)
		*data = value;
	return made;
}

uint32_t build_input(struct graph *graph, uint32_t n, const char **names, struct error *err)
{
	const int64_t dims[2] = { 1, n };
	const uint32_t input = graph_add_tensor(graph, "features", DTYPE_F32, 2, dims, NULL, err);

	if (input == GRAPH_NONE)
		return GRAPH_NONE;
	graph->inputs = arena_calloc(graph->arena, 1, sizeof(*graph->inputs));
	if (!graph->inputs) {
		error_set(err, -ENOMEM, "out of memory");
		return GRAPH_NONE;
	}
	graph->inputs[0].tensor = input;
	graph->n_inputs = 1;
	graph->n_features = n;
	graph->feature_names = names;
	return input;
}

int build_output(struct graph *graph, uint32_t tensor, struct error *err)
{
	const uint32_t n = (uint32_t)tensor_elements(&graph->tensors[tensor]);
	char name[32];

	graph->tensors[tensor].name = "prediction";
	graph->outputs = arena_calloc(graph->arena, 1, sizeof(*graph->outputs));
	graph->output_names = arena_calloc(graph->arena, n, sizeof(char *));
	if (!graph->outputs || !graph->output_names)
		return error_set(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), n == 1 ? "prediction" : "prediction[%" PRIu32 "]", i);
		graph->output_names[i] = arena_strdup(graph->arena, name);
		if (!graph->output_names[i])
			return error_set(err, -ENOMEM, "out of memory");
	}
	graph->outputs[0].tensor = tensor;
	graph->n_outputs = 1;
	graph->n_columns_out = n;
	return 0;
}

int build_to_front(struct graph *graph, uint32_t first, struct error *err)
{
	const uint32_t n = graph->n_nodes - first;
	struct node *made = malloc((n + 1ull) * sizeof(*made));

	if (!made)
		return error_set(err, -ENOMEM, "out of memory for %u operators", n);
	memcpy(made, graph->nodes + first, n * sizeof(*made));
	memmove(graph->nodes + n, graph->nodes, first * sizeof(*made));
	memcpy(graph->nodes, made, n * sizeof(*made));
	free(made);
	return 0;
}
