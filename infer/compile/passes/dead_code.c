// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/passes.h"

#include <stdlib.h>

// Nodes stand in topological order, so one walk from the last finds all that is needed.
static void mark(const struct graph *graph, bool *node_needed, bool *tensor_needed)
{
	for (uint32_t o = 0; o < graph->n_outputs; o++)
		tensor_needed[graph->outputs[o].tensor] = true;
	for (uint32_t i = 0; i < graph->n_inputs; i++)
		tensor_needed[graph->inputs[i].tensor] = true;
	for (uint32_t n = graph->n_nodes; n-- > 0;) {
		const struct node *node = &graph->nodes[n];

		for (uint32_t o = 0; o < node->n_outputs; o++)
			node_needed[n] |=
				node->outputs[o] != GRAPH_NONE && tensor_needed[node->outputs[o]];
		if (!node_needed[n])
			continue;
		for (uint32_t o = 0; o < node->n_outputs; o++) {
			if (node->outputs[o] != GRAPH_NONE)
				tensor_needed[node->outputs[o]] = true;
		}
		for (uint32_t i = 0; i < node->n_inputs; i++) {
			if (node->inputs[i] != GRAPH_NONE)
				tensor_needed[node->inputs[i]] = true;
		}
	}
}

static void renumber(uint32_t *indices, uint32_t n, const uint32_t *new_index)
{
	for (uint32_t i = 0; i < n; i++) {
		if (indices[i] != GRAPH_NONE)
			indices[i] = new_index[indices[i]];
	}
}

static void compact(struct graph *graph, const bool *node_needed, const bool *tensor_needed,
	uint32_t *new_index)
{
	uint32_t n_tensors = 0, n_nodes = 0;

	for (uint32_t t = 0; t < graph->n_tensors; t++) {
		new_index[t] = n_tensors;
		if (!tensor_needed[t])
			continue;
		graph->tensors[n_tensors] = graph->tensors[t];
		graph->tensors[n_tensors++].folded = NULL; // it reads the old numbers
	}
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		if (!node_needed[n])
			continue;
		renumber(graph->nodes[n].inputs, graph->nodes[n].n_inputs, new_index);
		renumber(graph->nodes[n].outputs, graph->nodes[n].n_outputs, new_index);
		graph->nodes[n_nodes++] = graph->nodes[n];
	}
	for (uint32_t i = 0; i < graph->n_inputs; i++)
		graph->inputs[i].tensor = new_index[graph->inputs[i].tensor];
	for (uint32_t o = 0; o < graph->n_outputs; o++)
		graph->outputs[o].tensor = new_index[graph->outputs[o].tensor];
	graph->n_tensors = n_tensors;
	graph->n_nodes = n_nodes;
}

int pass_dead_code(struct graph *graph, struct compile_report *report, struct error *err)
{
	bool *node_needed = calloc((size_t)graph->n_nodes + 1, sizeof(bool));
	bool *tensor_needed = calloc((size_t)graph->n_tensors + 1, sizeof(bool));
	uint32_t *new_index = calloc((size_t)graph->n_tensors + 1, sizeof(uint32_t));
	uint32_t before = graph->n_nodes;
	int rc;

	if (node_needed && tensor_needed && new_index) {
		mark(graph, node_needed, tensor_needed);
		compact(graph, node_needed, tensor_needed, new_index);
		rc = (int)(before - graph->n_nodes);
	} else {
		rc = error_set(err, -ENOMEM, "out of memory for %u tensors", graph->n_tensors);
	}
	free(node_needed);
	free(tensor_needed);
	free(new_index);
	return rc;
}
