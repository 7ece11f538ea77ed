// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/values.h"

#include "infer/compile/evaluate.h"

#include <stdlib.h>
#include <string.h>

#define VALUES_BYTES                                                                               \
	((size_t)128 << 20) // of all tensors together, where more than one row is asked for

static size_t values_of_row(const struct graph *graph)
{
	size_t bytes = 1;

	for (uint32_t t = 0; t < graph->n_tensors; t++)
		bytes += graph->tensors[t].data ? 0 : tensor_bytes(&graph->tensors[t]);
	return bytes;
}

int graph_values_init(
	struct graph_values *values, const struct graph *graph, uint32_t rows, struct error *err)
{
	const size_t most = VALUES_BYTES / values_of_row(graph);

	*values = (struct graph_values){ .graph = graph,
		.n_max = rows < most ? rows : (uint32_t)most };
	if (values->n_max == 0)
		values->n_max = 1;
	values->of = calloc((size_t)graph->n_tensors + 1, sizeof(*values->of));
	if (!values->of)
		return error_set(err, -ENOMEM, "out of memory for the values of a graph");
	for (uint32_t t = 0; t < graph->n_tensors; t++) {
		if (graph->tensors[t].data)
			continue;
		values->of[t] = calloc(values->n_max, tensor_bytes(&graph->tensors[t]) + 1);
		if (!values->of[t]) {
			graph_values_fini(values);
			return error_set(err, -ENOMEM, "out of memory for the values of a graph");
		}
	}
	return 0;
}

void graph_values_fini(struct graph_values *values)
{
	for (uint32_t t = 0; values->of && t < values->graph->n_tensors; t++)
		free(values->of[t]);
	free(values->of);
	*values = (struct graph_values){ 0 };
}

static int values_of_node(
	struct graph_values *values, const struct node *node, uint32_t n, struct error *err)
{
	struct evaluation evaluation = { .graph = values->graph, .node = node, .n = n };
	int rc = evaluation_init(&evaluation, err);

	for (uint32_t i = 0; rc == 0 && i < node->n_inputs; i++) {
		if (node->inputs[i] != GRAPH_NONE)
			evaluation.x[i] = values->of[node->inputs[i]];
	}
	for (uint32_t o = 0; rc == 0 && o < node->n_outputs; o++) {
		if (node->outputs[o] != GRAPH_NONE)
			evaluation.y[o] = values->of[node->outputs[o]];
	}
	if (rc == 0)
		rc = evaluation_run(&evaluation, err);
	evaluation_fini(&evaluation);
	return rc;
}

int graph_values_run(struct graph_values *values, const float *rows, uint32_t n, struct error *err)
{
	const struct graph *graph = values->graph;
	int rc = 0;

	for (uint32_t p = 0; p < graph->n_inputs; p++) {
		const struct graph_port *port = &graph->inputs[p];
		const size_t bytes = tensor_bytes(&graph->tensors[port->tensor]);

		for (size_t r = 0; r < n; r++)
			memcpy((char *)values->of[port->tensor] + r * bytes,
				rows + r * graph->n_features + port->first_column, bytes);
	}
	for (uint32_t m = 0; m < graph->n_nodes && rc == 0; m++)
		rc = values_of_node(values, &graph->nodes[m], n, err);
	return rc;
}
