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

static const struct model_texts *describe_texts(
	struct arena *arena, const struct model_texts *texts, uint32_t n)
{
	struct model_texts *own = arena_calloc(arena, n, sizeof(*own));

	for (uint32_t i = 0; own && i < n; i++) {
		own[i] = texts[i];
		own[i].texts = describe_names(arena, texts[i].texts, texts[i].n_texts);
		own[i].order = arena_memdup(
			arena, texts[i].order, texts[i].n_texts * sizeof(*own[i].order));
		if (!own[i].texts || !own[i].order)
			return NULL;
	}
	return own;
}

int describe_graph(struct graph *graph, const struct dataset *set, struct error *err)
{
	const bool classes = set->target == DATASET_CLASSES;
	const struct model_info info = { .n_features = set->n_features,
		.feature_names = set->feature_names,
		.class_labels = set->class_labels,
		.n_class_labels = classes ? set->n_classes : 0,
		.texts = set->texts,
		.n_texts = set->n_texts };

	return describe_like(graph, &info, err);
}

static bool describe_inputs(struct graph *graph, const struct model_info *info)
{
	struct arena *arena = graph->arena;

	graph->feature_names = describe_names(arena, info->feature_names, info->n_features);
	graph->texts = info->n_texts > 0 ? describe_texts(arena, info->texts, info->n_texts) : NULL;
	graph->n_texts = info->n_texts;
	return graph->feature_names && (graph->texts || info->n_texts == 0);
}

static int describe_no_memory(struct error *err)
{
	return error_set(err, -ENOMEM, "out of memory for the names of the rows");
}

int describe_features(struct graph *graph, const struct dataset *set, struct error *err)
{
	const struct model_info info = { .n_features = set->n_features,
		.feature_names = set->feature_names,
		.texts = set->texts,
		.n_texts = set->n_texts };

	return describe_inputs(graph, &info) ? 0 : describe_no_memory(err);
}

int describe_like(struct graph *graph, const struct model_info *info, struct error *err)
{
	struct arena *arena = graph->arena;
	bool whole = describe_inputs(graph, info);

	graph->class_labels = info->n_class_labels > 0
		? describe_names(arena, info->class_labels, info->n_class_labels)
		: NULL;
	graph->n_class_labels = info->n_class_labels;
	whole = whole && (graph->class_labels || info->n_class_labels == 0);
	if (whole && info->output_names) {
		graph->output_names = describe_names(arena, info->output_names, info->n_outputs);
		whole = graph->output_names != NULL;
	}
	return whole ? 0 : describe_no_memory(err);
}
