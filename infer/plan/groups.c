// SPDX-License-Identifier: BSD-3-Clause
#include "infer/plan/groups.h"
#include "infer/plan/steps/chain_form.h"

#include <stdlib.h>

#define READ_BY_NONE GRAPH_NONE
#define READ_BY_MANY (GRAPH_NONE - 1)

struct grouping {
	const struct graph *graph;
	struct groups *groups;
	uint32_t *read_by; // [n_tensors] the group whose nodes read it
	// [n_nodes] Of the group that ends there: what its nodes read and none of them computes, as
	// far as is known. 0: nothing joins it. No more than that many results are ever waiting to
	// be read, as each of them was counted before the node that computes it joined.
	uint32_t *open;
};

int groups_init(struct groups *groups, const struct graph *graph)
{
	groups->last = calloc((size_t)graph->n_nodes + 1, sizeof(*groups->last));
	groups->first = calloc((size_t)graph->n_nodes + 1, sizeof(*groups->first));
	groups->next = calloc((size_t)graph->n_nodes + 1, sizeof(*groups->next));
	groups->slot = calloc((size_t)graph->n_tensors + 1, sizeof(*groups->slot));
	groups->reads = calloc((size_t)graph->n_tensors + 1, sizeof(*groups->reads));
	if (!groups->last || !groups->first || !groups->next || !groups->slot || !groups->reads)
		return -ENOMEM;
	for (uint32_t n = 0; n < graph->n_nodes; n++)
		groups->last[n] = groups->first[n] = n;
	return 0;
}

void groups_fini(struct groups *groups)
{
	free(groups->last);
	free(groups->first);
	free(groups->next);
	free(groups->slot);
	free(groups->reads);
}

static bool grouping_is_view(const struct node *node)
{
	return node->op == OP_IDENTITY || node->op == OP_RESHAPE;
}

// The group that the node can join: all that read its result are in it, and compute as many values.
static uint32_t grouping_of_readers(const struct grouping *grouping, const struct node *node)
{
	const struct graph *graph = grouping->graph;
	const uint32_t group = grouping->read_by[node->outputs[0]];
	const struct node *last;

	if (group >= READ_BY_MANY || grouping->open[group] == 0)
		return GRAPH_NONE;
	last = &graph->nodes[group];
	return tensor_elements(&graph->tensors[last->outputs[0]]) ==
			tensor_elements(&graph->tensors[node->outputs[0]])
		? group
		: GRAPH_NONE;
}

static void grouping_note_inputs(struct grouping *grouping, const struct node *node, uint32_t group)
{
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		const uint32_t t = node->inputs[i];
		const bool whole = node->op != OP_SLICE; // else it reads from memory

		if (t == GRAPH_NONE || grouping->graph->tensors[t].data ||
			(whole && grouping->read_by[t] == group))
			continue;
		grouping->read_by[t] =
			whole && grouping->read_by[t] == READ_BY_NONE ? group : READ_BY_MANY;
		grouping->open[group]++;
	}
}

// Backwards, so that a node finds its readers where they belong.
static void grouping_node(struct grouping *grouping, uint32_t n)
{
	const struct node *node = &grouping->graph->nodes[n];
	struct groups *groups = grouping->groups;
	const bool takes = chain_takes(grouping->graph, node);
	const bool view = grouping_is_view(node);
	uint32_t group = takes || view ? grouping_of_readers(grouping, node) : GRAPH_NONE;

	if (group != GRAPH_NONE && grouping->open[group] + node->n_inputs <= CHAIN_INPUTS_MAX + 1) {
		grouping->open[group]--; // the result
		grouping_note_inputs(grouping, node, group);
		groups->last[n] = group;
		if (!view) {
			groups->next[n] = groups->first[group];
			groups->first[group] = n;
		}
		return;
	}
	grouping_note_inputs(grouping, node, n);
	if (!takes || grouping->graph->tensors[node->outputs[0]].dtype != DTYPE_F32)
		grouping->open[n] = 0;
}

int groups_form(struct groups *groups, const struct graph *graph)
{
	struct grouping grouping = { graph, groups,
		malloc(((size_t)graph->n_tensors + 1) * sizeof(uint32_t)),
		calloc((size_t)graph->n_nodes + 1, sizeof(uint32_t)) };

	if (!grouping.read_by || !grouping.open) {
		free(grouping.read_by);
		free(grouping.open);
		return -ENOMEM;
	}
	for (uint32_t t = 0; t < graph->n_tensors; t++)
		grouping.read_by[t] = READ_BY_NONE;
	for (uint32_t o = 0; o < graph->n_outputs; o++)
		grouping.read_by[graph->outputs[o].tensor] = READ_BY_MANY;
	for (uint32_t n = graph->n_nodes; n-- > 0;)
		grouping_node(&grouping, n);
	free(grouping.read_by);
	free(grouping.open);
	return 0;
}
