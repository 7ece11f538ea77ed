// SPDX-License-Identifier: BSD-3-Clause
// Identity (and Dropout, which the importer made one), and Reshape to the shape that is there.
#include "infer/compile/passes/passes.h"

#include <stdlib.h>
#include <string.h>

static bool does_nothing(const struct graph *graph, const struct node *node)
{
	const struct tensor *in, *out;

	if (node->op != OP_IDENTITY && node->op != OP_RESHAPE)
		return false;
	if (node->n_inputs != 1)
		return false;
	in = &graph->tensors[node->inputs[0]];
	out = &graph->tensors[node->outputs[0]];
	return in->rank == out->rank &&
		memcmp(in->dims, out->dims, in->rank * sizeof(*in->dims)) == 0;
}

static bool is_model_output(const struct graph *graph, uint32_t tensor)
{
	for (uint32_t o = 0; o < graph->n_outputs; o++) {
		if (graph->outputs[o].tensor == tensor)
			return true;
	}
	return false;
}

static bool drop_identity_is_computed(const struct graph *graph, uint32_t tensor)
{
	for (uint32_t i = 0; i < graph->n_inputs; i++) {
		if (graph->inputs[i].tensor == tensor)
			return false;
	}
	return !graph->tensors[tensor].data;
}

static uint32_t resolve(const uint32_t *alias, uint32_t tensor)
{
	return tensor == GRAPH_NONE || alias[tensor] == GRAPH_NONE ? tensor : alias[tensor];
}

// Nodes stand in order, so one walk resolves chains: what a node reads has been resolved before.
int pass_drop_identity(struct graph *graph, struct compile_report *report, struct error *err)
{
	uint32_t *alias = malloc(((size_t)graph->n_tensors + 1) * sizeof(*alias));
	int changes = 0;

	if (!alias)
		return error_set(err, -ENOMEM, "out of memory for %u tensors", graph->n_tensors);
	for (uint32_t t = 0; t < graph->n_tensors; t++)
		alias[t] = GRAPH_NONE;
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		struct node *node = &graph->nodes[n];

		for (uint32_t i = 0; i < node->n_inputs; i++)
			node->inputs[i] = resolve(alias, node->inputs[i]);
		if (!does_nothing(graph, node))
			continue;
		// An input handed out as it is stays a step: outputs are written by nodes.
		if (is_model_output(graph, node->outputs[0]) &&
			!drop_identity_is_computed(graph, node->inputs[0]))
			continue;
		alias[node->outputs[0]] = node->inputs[0];
		node->n_inputs = 0; // dead: nobody reads it
		report_add(report, "removed '%s': it changes nothing", node->name);
		changes++;
	}
	for (uint32_t o = 0; o < graph->n_outputs; o++)
		graph->outputs[o].tensor = resolve(alias, graph->outputs[o].tensor);
	free(alias);
	return changes;
}
