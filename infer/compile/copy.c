// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/copy.h"

#include "infer/graph/arena.h"

static bool copy_attributes(struct graph *to, struct node *node, const struct node *from)
{
	struct attr *attrs = arena_calloc(to->arena, (size_t)from->n_attrs + 1, sizeof(*attrs));

	for (uint32_t a = 0; attrs && a < from->n_attrs; a++) {
		const struct attr *of = &from->attrs[a];

		attrs[a] = *of;
		if (of->kind == ATTR_KIND_INTS)
			attrs[a].ints =
				arena_memdup(to->arena, of->ints, of->count * sizeof(*of->ints));
		if (of->kind == ATTR_KIND_FLOATS)
			attrs[a].floats = arena_memdup(
				to->arena, of->floats, of->count * sizeof(*of->floats));
		if ((of->kind == ATTR_KIND_INTS && !attrs[a].ints) ||
			(of->kind == ATTR_KIND_FLOATS && !attrs[a].floats))
			return false;
	}
	node->attrs = attrs;
	node->n_attrs = from->n_attrs;
	return attrs != NULL;
}

struct node *graph_copy_node(struct graph *to, const struct node *node, struct error *err)
{
	const uint32_t n = graph_add_node(to, node->op, node->name, node->n_inputs, node->inputs,
		node->n_outputs, node->outputs, err);

	if (n == GRAPH_NONE)
		return NULL;
	if (!copy_attributes(to, &to->nodes[n], node)) {
		error_set(err, -ENOMEM, "out of memory to copy '%s'", node->name);
		return NULL;
	}
	return &to->nodes[n];
}

int graph_copy(const struct graph *from, bool nodes, struct graph **to, struct error *err)
{
	struct graph *graph = graph_create();
	struct arena *arena;

	*to = NULL;
	if (!graph)
		return error_set(err, -ENOMEM, "out of memory to copy a graph");
	arena = graph->arena;
	*graph = *from;
	graph->arena = arena;
	graph->tensors = NULL;
	graph->nodes = NULL;
	graph->n_tensors = graph->n_nodes = 0;
	graph->inputs = arena_memdup(arena, from->inputs, from->n_inputs * sizeof(*from->inputs));
	graph->outputs =
		arena_memdup(arena, from->outputs, from->n_outputs * sizeof(*from->outputs));
	if (!graph->inputs || !graph->outputs) {
		graph_destroy(graph);
		return error_set(err, -ENOMEM, "out of memory to copy a graph");
	}
	for (uint32_t t = 0; t < from->n_tensors; t++) {
		const struct tensor *tensor = &from->tensors[t];

		if (graph_add_tensor(graph, tensor->name, tensor->dtype, tensor->rank, tensor->dims,
			    tensor->data, err) == GRAPH_NONE) {
			graph_destroy(graph);
			return err->code;
		}
	}
	for (uint32_t n = 0; nodes && n < from->n_nodes; n++) {
		if (!graph_copy_node(graph, &from->nodes[n], err)) {
			graph_destroy(graph);
			return err->code;
		}
	}
	*to = graph;
	return 0;
}
