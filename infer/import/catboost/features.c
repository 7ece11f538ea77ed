// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/catboost/features.h"

#include "infer/graph/arena.h"
#include "infer/graph/text.h"
#include "infer/graph/text_maps.h"
#include "infer/import/build.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct features_kind {
	const char *list; // of features_info
	struct catboost_feature **features;
	uint32_t *n;
};

// A whole number of 0 to MODEL_FEATURES_MAX - 1.
static int features_index(struct catboost *c, const json_t *feature, const char *list, size_t i,
	const char *key, uint32_t *index)
{
	const json_t *value = json_object_get(feature, key);
	const json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 0 || number >= MODEL_FEATURES_MAX)
		return error_set(c->err, -EINVAL,
			"features_info.%s[%zu].%s should be a whole number from 0 to %d", list, i,
			key, MODEL_FEATURES_MAX - 1);
	*index = (uint32_t)number;
	return 0;
}

// What CatBoost calls it; NULL: nothing.
static const char *features_name(const json_t *feature)
{
	static const char *const KEYS[] = { "feature_name", "feature_id" };

	for (size_t k = 0; k < sizeof(KEYS) / sizeof(*KEYS); k++) {
		const char *name = json_string_value(json_object_get(feature, KEYS[k]));

		if (name && *name)
			return name;
	}
	return NULL;
}

// Counts: the highest number of its kind, and the highest column of all.
static int features_count(struct catboost *c, const json_t *info, const struct features_kind *kind)
{
	const json_t *list = json_object_get(info, kind->list);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *feature = json_array_get(list, i);
		uint32_t number, column;

		if (features_index(c, feature, kind->list, i, "feature_index", &number) != 0 ||
			features_index(c, feature, kind->list, i, "flat_feature_index", &column) !=
				0)
			return c->err->code;
		*kind->n = number >= *kind->n ? number + 1 : *kind->n;
		c->n_columns = column >= c->n_columns ? column + 1 : c->n_columns;
	}
	*kind->features =
		arena_calloc(c->graph->arena, (size_t)*kind->n + 1, sizeof(**kind->features));
	return *kind->features ? 0 : error_set(c->err, -ENOMEM, "out of memory for features");
}

static int features_treatment(
	struct catboost *c, const json_t *feature, size_t i, struct catboost_feature *to)
{
	const json_t *value = json_object_get(feature, "nan_value_treatment");
	const char *text = value ? json_string_value(value) : "AsIs";

	// As it is NaN is above no border, and so is what stands in for it below all of them.
	if (!text || (strcmp(text, "AsIs") && strcmp(text, "AsFalse") && strcmp(text, "AsTrue")))
		return error_set(c->err, -EINVAL,
			"features_info.float_features[%zu].nan_value_treatment is '%.20s', should "
			"be AsIs, AsFalse or AsTrue",
			i, text ? text : "");
	to->missing_true = strcmp(text, "AsTrue") == 0;
	return 0;
}

static int features_fill(struct catboost *c, const json_t *info, const struct features_kind *kind)
{
	const json_t *list = json_object_get(info, kind->list);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *feature = json_array_get(list, i);
		struct catboost_feature *to;
		uint32_t number = 0, column = 0;
		const char *name = features_name(feature);

		if (features_index(c, feature, kind->list, i, "feature_index", &number) != 0 ||
			features_index(c, feature, kind->list, i, "flat_feature_index", &column) !=
				0)
			return c->err->code;
		to = &(*kind->features)[number];
		if (to->there || c->names[column])
			return error_set(c->err, -EINVAL,
				"features_info.%s[%zu]: another feature has number %" PRIu32
				" or column %" PRIu32 ", too",
				kind->list, i, number, column);
		*to = (struct catboost_feature){ .there = true,
			.column = column,
			.hashes = json_object_get(feature, "values") };
		c->names[column] = arena_strdup(c->graph->arena, name ? name : "");
		if (!c->names[column])
			return error_set(c->err, -ENOMEM, "out of memory for features");
		if (kind->features == &c->floats && features_treatment(c, feature, i, to) != 0)
			return c->err->code;
	}
	return 0;
}

// Names as far as the file has them; columns without one are called by their number.
static int features_names(struct catboost *c)
{
	bool any = false;

	for (uint32_t i = 0; i < c->n_columns; i++) {
		char name[16];

		any |= c->names[i] && *c->names[i];
		if (c->names[i] && *c->names[i])
			continue;
		snprintf(name, sizeof(name), "x%" PRIu32, i);
		c->names[i] = arena_strdup(c->graph->arena, name);
		if (!c->names[i])
			return error_set(c->err, -ENOMEM, "out of memory for features");
	}
	// A header of the rows may know them better.
	if (!any)
		c->names = NULL;
	return 0;
}

int catboost_read_features(struct catboost *c)
{
	const json_t *info = json_object_get(c->root, "features_info");
	const struct features_kind kinds[] = {
		{ "float_features", &c->floats, &c->n_floats },
		{ "categorical_features", &c->categories, &c->n_categories },
	};
	static const char *const OTHERS[] = { "text_features", "embedding_features" };

	if (!json_is_object(info))
		return error_set(c->err, -EINVAL, "features_info is missing or no object");
	for (size_t i = 0; i < sizeof(OTHERS) / sizeof(*OTHERS); i++) {
		if (json_array_size(json_object_get(info, OTHERS[i])) > 0)
			return error_set(c->err, -ENOTSUP,
				"the model has %s, which are not supported, only numbers and "
				"one-hot categories: train without them, or on numbers that are "
				"computed of them before%s",
				OTHERS[i],
				i == 1 ? ", a column for each number of an embedding" : "");
	}
	for (size_t k = 0; k < 2; k++) {
		if (features_count(c, info, &kinds[k]) != 0)
			return c->err->code;
	}
	if (c->n_columns == 0)
		return error_set(c->err, -EINVAL, "features_info names no feature");
	c->names = arena_calloc(c->graph->arena, c->n_columns, sizeof(*c->names));
	if (!c->names)
		return error_set(c->err, -ENOMEM, "out of memory for features");
	for (size_t k = 0; k < 2; k++) {
		if (features_fill(c, info, &kinds[k]) != 0)
			return c->err->code;
	}
	if (features_names(c) != 0)
		return c->err->code;
	c->input = build_input(c->graph, c->n_columns, c->names, c->err);
	c->graph->accepts_missing = true;
	return c->input == GRAPH_NONE ? c->err->code : 0;
}

// --- Texts ----------------------------------------------------------------------------------------

// Hashes are 32 bits, written with a sign or without.
static bool features_hash(const json_t *value, uint32_t *hash)
{
	const json_int_t number = json_integer_value(value);

	*hash = (uint32_t)number;
	return json_is_integer(value) && number >= INT32_MIN && number <= UINT32_MAX;
}

struct features_text {
	uint32_t hash;
	const char *text;
};

static int features_compare(const void *a, const void *b)
{
	const struct features_text *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

// cat_features_hash: the texts that stand for hashes, where save_model() was given the pool.
static int features_read_texts(struct catboost *c, struct features_text **texts, size_t *n)
{
	const json_t *list =
		json_object_get(json_object_get(c->root, "features_info"), "cat_features_hash");
	const size_t there = json_array_size(list);

	*n = 0;
	*texts = arena_calloc(c->graph->arena, there + 1, sizeof(**texts));
	if (!*texts)
		return error_set(c->err, -ENOMEM, "out of memory for categories");
	for (size_t i = 0; i < there; i++) {
		const json_t *pair = json_array_get(list, i),
			     *value = json_object_get(pair, "value");
		const char *text = json_string_value(value);

		if (!features_hash(json_object_get(pair, "hash"), &(*texts)[*n].hash) || !text ||
			strlen(text) != json_string_length(value))
			return error_set(c->err, -EINVAL,
				"features_info.cat_features_hash[%zu] should have a hash and a "
				"text",
				i);
		(*texts)[(*n)++].text = text;
	}
	qsort(*texts, *n, sizeof(**texts), features_compare);
	return 0;
}

// The text of the feature's hash number i: of its own list, or of the file's. NULL: nobody says it.
static const char *features_text_of(
	const struct features_text *texts, size_t n, const json_t *own, size_t i, uint32_t hash)
{
	const struct features_text wanted = { .hash = hash }, *found;
	const char *text = json_string_value(json_array_get(own, i));

	if (text && strlen(text) == json_string_length(json_array_get(own, i)))
		return text;
	found = bsearch(&wanted, texts, n, sizeof(*texts), features_compare);
	return found ? found->text : NULL;
}

static bool features_is_shown(const char *text)
{
	size_t step = 1;

	for (const char *at = text; *at && step; at += step)
		step = text_character(at);
	return step != 0;
}

static int features_map(struct catboost *c, struct catboost_feature *feature, const json_t *own,
	const struct features_text *texts, size_t n, struct model_texts *map)
{
	const size_t n_hashes = json_array_size(feature->hashes);
	const char **list = arena_calloc(c->graph->arena, n_hashes + 1, sizeof(*list));
	uint32_t count = 0;

	feature->codes = arena_calloc(c->graph->arena, n_hashes + 1, sizeof(*feature->codes));
	if (!list || !feature->codes)
		return error_set(c->err, -ENOMEM, "out of memory for categories");
	for (size_t i = 0; i < n_hashes; i++) {
		const char *text = NULL;
		uint32_t hash;

		if (!features_hash(json_array_get(feature->hashes, i), &hash))
			return error_set(c->err, -EINVAL,
				"features_info: values[%zu] of the categorical feature of column "
				"%" PRIu32 " should be a whole number of 32 bits",
				i, feature->column);
		text = features_text_of(texts, n, own, i, hash);
		feature->codes[i] = GRAPH_NONE;
		if (!text)
			continue;
		if (!features_is_shown(text))
			return error_set(c->err, -ENOTSUP,
				"a category of column %" PRIu32 " is no text that can be shown",
				feature->column);
		list[count] = arena_strdup(c->graph->arena, text);
		if (!list[count])
			return error_set(c->err, -ENOMEM, "out of memory for categories");
		feature->codes[i] = count++;
	}
	*map = (struct model_texts){
		.feature = feature->column, .n_texts = count, .takes_unknown = true, .texts = list
	};
	return 0;
}

static int features_compare_maps(const void *a, const void *b)
{
	const struct model_texts *x = a, *y = b;

	return (x->feature > y->feature) - (x->feature < y->feature);
}

int catboost_keep_texts(struct catboost *c)
{
	const json_t *list =
		json_object_get(json_object_get(c->root, "features_info"), "categorical_features");
	struct model_texts *maps;
	struct features_text *texts;
	uint64_t all = 0;
	size_t n;

	if (c->n_categories == 0)
		return 0;
	maps = arena_calloc(c->graph->arena, c->n_categories, sizeof(*maps));
	if (!maps)
		return error_set(c->err, -ENOMEM, "out of memory for categories");
	if (features_read_texts(c, &texts, &n) != 0)
		return c->err->code;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = json_array_get(list, i);
		const json_int_t number =
			json_integer_value(json_object_get(entry, "feature_index"));
		struct model_texts *map = &maps[c->graph->n_texts++];

		if (features_map(c, &c->categories[number], json_object_get(entry, "string_values"),
			    texts, n, map) != 0)
			return c->err->code;
		all += map->n_texts;
		if (all > MODEL_TEXTS_MAX)
			return error_set(
				c->err, -ENOTSUP, "more than %d categories", MODEL_TEXTS_MAX);
		report_add(c->report,
			"feature '%.60s' is a category of CatBoost's, of which %" PRIu32
			" decide; CSV files hold its text, and other rows its number",
			c->graph->feature_names ? c->graph->feature_names[map->feature] : "",
			map->n_texts);
	}
	qsort(maps, c->graph->n_texts, sizeof(*maps), features_compare_maps);
	c->graph->texts = maps;
	return text_maps_order(maps, c->graph->n_texts, c->graph->arena, c->err);
}
