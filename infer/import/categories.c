// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/categories.h"

#include "infer/graph/arena.h"
#include "infer/graph/text.h"
#include "infer/graph/text_maps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHOWN 4 // values named in the report

// "0 = tcp, 1 = udp, ..."
static void categories_list(const json_t *values, char *list, size_t bytes)
{
	size_t at = 0;

	for (size_t i = 0; i < json_array_size(values) && i < SHOWN; i++) {
		const json_t *value = json_array_get(values, i);
		const char *text = json_string_value(value);

		at += (size_t)snprintf(list + at, bytes - at, "%s%zu = ", i ? ", " : "", i);
		if (text)
			at += (size_t)snprintf(
				list + at, bytes - at, "%.*s", text_cut(text, 24), text);
		else
			at += (size_t)snprintf(list + at, bytes - at, "%.9g",
				json_is_boolean(value) ? json_is_true(value)
						       : json_number_value(value));
	}
	if (json_array_size(values) > SHOWN)
		snprintf(list + at, bytes - at, ", ...");
}

// Can it stand in a table, and be shown?
static bool categories_is_text(const json_t *value)
{
	const char *text = json_string_value(value);
	size_t step = 1;

	if (!text || strlen(text) != json_string_length(value))
		return false;
	for (const char *at = text; *at && step; at += step)
		step = text_character(at);
	return step != 0;
}

static bool categories_are_texts(const struct categories *categories, const json_t *values)
{
	const size_t n = json_array_size(values);

	if (n > MODEL_TEXTS_MAX - categories->n_texts)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!categories_is_text(json_array_get(values, i)))
			return false;
	}
	return true;
}

static int categories_add_map(struct categories *categories, uint32_t feature, const json_t *values)
{
	struct graph *graph = categories->graph;
	const uint32_t n = (uint32_t)json_array_size(values);
	const char **texts = arena_calloc(graph->arena, (size_t)n + 1, sizeof(*texts));

	if (!categories->maps)
		categories->maps =
			arena_calloc(graph->arena, graph->n_features, sizeof(*categories->maps));
	if (!texts || !categories->maps)
		return error_set(categories->err, -ENOMEM, "out of memory for categories");
	for (uint32_t i = 0; i < n; i++) {
		texts[i] = arena_strdup(graph->arena, json_string_value(json_array_get(values, i)));
		if (!texts[i])
			return error_set(categories->err, -ENOMEM, "out of memory for categories");
	}
	categories->maps[graph->n_texts++] = (struct model_texts){
		.feature = feature,
		.n_texts = n,
		.takes_unknown = categories->takes_unknown,
		.is_category = true,
		.texts = texts,
	};
	categories->n_texts += n;
	return 0;
}

int categories_add(struct categories *categories, uint32_t feature, const json_t *values)
{
	const struct graph *graph = categories->graph;
	const bool are_texts = categories_are_texts(categories, values);
	const size_t n = json_array_size(values);
	char list[SHOWN * 48] = "", name[24];
	const char *shown = name;

	if (n == 0)
		return 0;
	snprintf(name, sizeof(name), "x%" PRIu32, feature);
	if (graph->feature_names)
		shown = graph->feature_names[feature];
	categories_list(values, list, sizeof(list));
	if (!are_texts)
		report_add(categories->report,
			"feature '%.60s' is one of %zu categories, and rows hold its number: %s",
			shown, n, list);
	else
		report_add(categories->report,
			"feature '%.60s' is one of %zu categories; CSV files hold its text or its "
			"number, and other rows its number: %s",
			shown, n, list);
	return are_texts ? categories_add_map(categories, feature, values) : 0;
}

int categories_keep(struct categories *categories)
{
	struct graph *graph = categories->graph;

	graph->texts = categories->maps;
	return text_maps_order(categories->maps, graph->n_texts, graph->arena, categories->err);
}
