// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/names.h"

#include "base/name.h"
#include "infer/graph/arena.h"
#include "infer/graph/text.h"

#include <stdlib.h>
#include <string.h>

int names_of_model(struct graph *graph, const char *given, const char *path, struct error *err)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	const char *dot = strrchr(base, '.');
	char name[NAME_BYTES_MAX + 1] = "m";
	size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base);

	if (given && !name_is_valid(given))
		return error_set(err, -EINVAL,
			"model name '%.80s': should be 1 to %d of A-Z a-z 0-9 _ . - and begin with "
			"a letter or digit",
			given, NAME_BYTES_MAX);
	if (!given && n > 0)
		name_make(name, base, n);
	graph->name = arena_strdup(graph->arena, given ? given : name);
	return graph->name ? 0 : error_set(err, -ENOMEM, "out of memory");
}

// Splits "a,b,c" into exactly `expected` names, or as many as there are where that is 0.
static int split_names(struct graph *graph, const char *list, const char *what, uint32_t expected,
	const char ***names, uint32_t *count, struct error *err)
{
	uint32_t n = 1;

	for (const char *p = list; *p; p++)
		n += *p == ',';
	if (expected != 0 && n != expected)
		return error_set(
			err, -EINVAL, "%u %s are given, the model has %u", n, what, expected);
	*names = arena_calloc(graph->arena, n, sizeof(**names));
	for (uint32_t i = 0; *names && i < n; i++) {
		size_t bytes = strcspn(list, ",");

		(*names)[i] = arena_strndup(graph->arena, list, bytes);
		if (bytes == 0)
			return error_set(err, -EINVAL, "%s: number %u is empty", what, i + 1);
		if (!(*names)[i])
			*names = NULL;
		list += bytes + 1;
	}
	*count = n;
	return *names ? 0 : error_set(err, -ENOMEM, "out of memory");
}

uint32_t names_count(const char *list)
{
	const size_t digits = list ? strspn(list, "0123456789") : 0;

	return digits > 0 && digits < 10 && !list[digits] ? (uint32_t)strtoul(list, NULL, 10) : 0;
}

int names_of_features(struct graph *graph, const char *list, struct error *err)
{
	const uint32_t count = names_count(list);
	uint32_t n;

	if (count > 0 && count != graph->n_features)
		return error_set(err, -EINVAL, "%s features are said, the model has %u", list,
			graph->n_features);
	return !list || count > 0 ? 0
				  : split_names(graph, list, "feature names", graph->n_features,
					    &graph->feature_names, &n, err);
}

int names_fill_features(struct graph *graph, const char *const *header, struct error *err)
{
	const char **names;
	char name[32];

	if (graph->feature_names)
		return 0;
	names = arena_calloc(graph->arena, graph->n_features, sizeof(*names));
	for (uint32_t i = 0; names && i < graph->n_features; i++) {
		snprintf(name, sizeof(name), "x%u", i);
		names[i] = arena_strdup(graph->arena, header && *header[i] ? header[i] : name);
		if (!names[i])
			return error_set(err, -ENOMEM, "out of memory");
	}
	graph->feature_names = names;
	return names ? 0 : error_set(err, -ENOMEM, "out of memory");
}

// Where there is a label a column of an output, "probabilities[2]" becomes "probabilities[attack]".
static int name_outputs(struct graph *graph, struct error *err)
{

	for (uint32_t p = 0; p < graph->n_outputs; p++) {
		const struct tensor *tensor = &graph->tensors[graph->outputs[p].tensor];
		uint32_t n = (uint32_t)tensor_elements(tensor), o = graph->outputs[p].first_column;

		for (uint32_t i = 0; i < n && n == graph->n_class_labels && n > 1; i++, o++) {
			char name[400];

			snprintf(name, sizeof(name), "%.*s[%.*s]", text_cut(tensor->name, 180),
				tensor->name, text_cut(graph->class_labels[i], 180),
				graph->class_labels[i]);
			graph->output_names[o] = arena_strdup(graph->arena, name);
			if (!graph->output_names[o])
				return error_set(err, -ENOMEM, "out of memory");
		}
	}
	return 0;
}

int names_of_classes(struct graph *graph, const char *list, struct error *err)
{
	int rc = 0;

	if (list)
		rc = split_names(graph, list, "class labels", graph->n_columns_out,
			&graph->class_labels, &graph->n_class_labels, err);
	return rc != 0 ? rc : name_outputs(graph, err);
}
