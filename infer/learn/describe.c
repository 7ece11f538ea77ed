// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/describe.h"

#include "infer/graph/arena.h"

// A copy of names[n]; NULL: the memory is used up.
static const char **describe_names(struct arena *arena, const char *const *names, uint32_t n)
{
	const char **own = arena_calloc(arena, n + 1u, sizeof(*own));

	for (uint32_t i = 0; own && i < n; i++) {
		own[i] = arena_strdup(arena, names[i]);
		if (!own[i])
			return NULL;
	}
	return own;
}

static const struct model_texts *describe_texts(struct arena *arena, const struct dataset *set)
{
	struct model_texts *own = arena_calloc(arena, set->n_texts, sizeof(*own));

	for (uint32_t i = 0; own && i < set->n_texts; i++) {
		own[i] = set->texts[i];
		own[i].texts = describe_names(arena, set->texts[i].texts, set->texts[i].n_texts);
		own[i].order = arena_memdup(
			arena, set->texts[i].order, set->texts[i].n_texts * sizeof(*own[i].order));
		if (!own[i].texts || !own[i].order)
			return NULL;
	}
	return own;
}

int describe_graph(struct graph *graph, const struct dataset *set, struct error *err)
{
	const bool classes = set->target == DATASET_CLASSES;

	graph->feature_names = describe_names(graph->arena, set->feature_names, set->n_features);
	graph->class_labels =
		classes ? describe_names(graph->arena, set->class_labels, set->n_classes) : NULL;
	graph->n_class_labels = classes ? set->n_classes : 0;
	graph->texts = set->n_texts > 0 ? describe_texts(graph->arena, set) : NULL;
	graph->n_texts = set->n_texts;
	if (!graph->feature_names || (classes && !graph->class_labels) ||
		(set->n_texts > 0 && !graph->texts))
		return error_set(err, -ENOMEM, "out of memory for the names of the rows");
	return 0;
}
