// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/uses.h"

#include <stdlib.h>

int uses_init(struct uses *uses, const struct graph *graph, struct error *err)
{
	uses->producer = malloc(((size_t)graph->n_tensors + 1) * sizeof(uint32_t));
	uses->count = calloc((size_t)graph->n_tensors + 1, sizeof(uint32_t));
	uses->reader = malloc(((size_t)graph->n_tensors + 1) * sizeof(uint32_t));
	if (!uses->producer || !uses->count || !uses->reader) {
		uses_fini(uses);
		return error_set(err, -ENOMEM, "out of memory for %u tensors", graph->n_tensors);
	}
	for (uint32_t t = 0; t < graph->n_tensors; t++)
		uses->producer[t] = uses->reader[t] = GRAPH_NONE;
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		const struct node *node = &graph->nodes[n];

		for (uint32_t i = 0; i < node->n_inputs; i++) {
			if (node->inputs[i] == GRAPH_NONE)
				continue;
			uses->count[node->inputs[i]]++;
			uses->reader[node->inputs[i]] = n;
		}
		for (uint32_t o = 0; o < node->n_outputs; o++) {
			if (node->outputs[o] != GRAPH_NONE)
				uses->producer[node->outputs[o]] = n;
		}
	}
	for (uint32_t o = 0; o < graph->n_outputs; o++)
		uses->count[graph->outputs[o].tensor]++;
	return 0;
}

void uses_fini(struct uses *uses)
{
	free(uses->producer);
	free(uses->count);
	free(uses->reader);
	uses->producer = uses->count = uses->reader = NULL;
}

struct node *uses_made(
	const struct uses *uses, struct graph *graph, uint32_t tensor, enum op op, uint32_t readers)
{
	uint32_t producer = uses->producer[tensor];

	if (producer == GRAPH_NONE || uses->count[tensor] != readers ||
		graph->nodes[producer].op != op)
		return NULL;
	return &graph->nodes[producer];
}

struct node *uses_sole(const struct uses *uses, struct graph *graph, uint32_t tensor, enum op op)
{
	return uses_made(uses, graph, tensor, op, 1);
}

void uses_swap_outputs(struct node *first, struct node *second)
{
	uint32_t written = first->outputs[0];

	first->outputs[0] = second->outputs[0];
	second->outputs[0] = written;
	second->n_inputs = 0;
}
