// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/lightgbm/categories.h"

#include "infer/graph/arena.h"
#include "infer/import/categories.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define LISTS_BYTES_MAX (64 << 20) // jansson takes many times as much

struct lightgbm_feature {
	bool is_category;
	int64_t highest; // category that training saw; -1: none
};

// Behind `key`, which begins a line of the file; NULL: there is none.
static const char *categories_line(const char *file, size_t size, const char *key)
{
	const char *at = memmem(file, size, key, strlen(key));

	return at ? at + strlen(key) : NULL;
}

// feature_infos has "[0:1]" of a number, "none" of what was constant, and else categories: "2:0:-1".
static void categories_of_infos(const struct lightgbm *l, struct lightgbm_feature *features)
{
	const char *at = l->infos ? l->infos : "";

	for (uint32_t i = 0; i < l->n_features && *at; i++) {
		const char *end = at + strcspn(at, " ");

		features[i].is_category = at < end && *at != '[' && strncmp(at, "none", 4) != 0;
		while (features[i].is_category && at < end) {
			const int64_t category = strtoll(at, NULL, 10);

			if (category > features[i].highest)
				features[i].highest = category;
			at += strcspn(at, " :");
			at += *at == ':';
		}
		at = end + (*end == ' ');
	}
}

// The parameters of the training name them by number, those that were constant, too:
// "[categorical_feature: 0,3]".
static void categories_of_parameters(
	const struct lightgbm *l, const char *file, size_t size, struct lightgbm_feature *features)
{
	const char *at = categories_line(file, size, "\n[categorical_feature: ");
	const char *end = at ? memchr(at, ']', size - (size_t)(at - file)) : NULL;

	while (end && at < end) {
		uint64_t number = 0;
		const char *from = at;

		for (; at < end && *at >= '0' && *at <= '9' && number < l->n_features; at++)
			number = number * 10 + (uint64_t)(*at - '0');
		if (at == from || (at < end && *at != ','))
			return;
		if (number < l->n_features)
			features[number].is_category = true;
		at++;
	}
}

// The lists stand in the order of the features that pandas had as categories. Those are the model's,
// but where a column of whole numbers was declared one, or one in an order was not: then numbers do not
// match, or training saw a category that the list has not.
static bool categories_match(
	const struct lightgbm *l, const struct lightgbm_feature *features, const json_t *lists)
{
	size_t n = 0;

	for (uint32_t i = 0; i < l->n_features; i++) {
		const size_t length = json_array_size(json_array_get(lists, n));

		if (!features[i].is_category)
			continue;
		if (features[i].highest >= (int64_t)length)
			return false;
		n++;
	}
	return n == json_array_size(lists);
}

static int categories_take(
	struct lightgbm *l, const struct lightgbm_feature *features, const json_t *lists)
{
	struct categories categories = {
		.graph = l->graph, .report = l->report, .err = l->err, .takes_unknown = true
	};
	size_t n = 0;
	int rc = 0;

	for (uint32_t i = 0; i < l->n_features && rc == 0; i++) {
		if (features[i].is_category)
			rc = categories_add(&categories, i, json_array_get(lists, n++));
	}
	return rc == 0 ? categories_keep(&categories) : rc;
}

// No data frame, or none with categories?
static bool categories_none(const char *line, size_t bytes)
{
	return (bytes >= 4 && memcmp(line, "null", 4) == 0) ||
		(bytes >= 2 && memcmp(line, "[]", 2) == 0);
}

int lightgbm_read_categories(struct lightgbm *l, const char *file, size_t size)
{
	const char *line = categories_line(file, size, "\npandas_categorical:"), *end;
	struct lightgbm_feature *features =
		arena_calloc(l->graph->arena, l->n_features, sizeof(*features));
	json_error_t why = { .text = "too many" };
	json_t *lists;
	int rc = 0;

	if (!features)
		return error_set(l->err, -ENOMEM, "out of memory");
	if (!line)
		return 0;
	end = memchr(line, '\n', size - (size_t)(line - file));
	if (!end)
		end = file + size;
	if (categories_none(line, (size_t)(end - line)))
		return 0;
	for (uint32_t i = 0; i < l->n_features; i++)
		features[i].highest = -1;
	categories_of_infos(l, features);
	categories_of_parameters(l, file, size, features);
	lists = end - line <= LISTS_BYTES_MAX ? json_loadb(line, (size_t)(end - line), 0, &why)
					      : NULL;
	if (!lists && !*why.text) // without memory jansson says nothing
		rc = error_set(l->err, -ENOMEM, "out of memory");
	else if (categories_match(l, features, lists))
		rc = categories_take(l, features, lists);
	else
		report_add(l->report,
			"the file's pandas_categorical has %zu lists that cannot be given to its "
			"features of categories: rows hold their numbers",
			json_array_size(lists));
	json_decref(lists);
	return rc;
}
