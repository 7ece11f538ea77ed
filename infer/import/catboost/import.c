// SPDX-License-Identifier: BSD-3-Clause
// CatBoost's JSON to a graph: parameters, features, trees, loss function.
#include "infer/import/catboost/import.h"

#include "infer/import/build.h"
#include "infer/import/catboost/catboost.h"
#include "infer/import/catboost/features.h"
#include "infer/import/catboost/loss.h"
#include "infer/import/catboost/trees.h"
#include "infer/ops/check.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define JSON_BYTES_MAX ((size_t)512 << 20)

static bool catboost_holds(const void *bytes, size_t size, const char *word)
{
	return memmem(bytes, size, word, strlen(word)) != NULL;
}

bool catboost_recognises(const void *bytes, size_t size)
{
	const char *text = bytes;
	size_t at = 0;

	while (at < size && isspace((unsigned char)text[at]))
		at++;
	if (at == size || text[at] != '{' || catboost_holds(bytes, size, "\"gradient_booster\""))
		return false;
	return catboost_holds(bytes, size, "\"oblivious_trees\"") ||
		catboost_holds(bytes, size, "\"features_info\"");
}

// A member of model_info that is JSON, or a text of such, as the first versions wrote. *value is owned;
// NULL: there is none. 0 or -ENOMEM.
static int catboost_params(const struct catboost *c, const char *key, json_t **value)
{
	json_t *found = json_object_get(json_object_get(c->root, "model_info"), key);
	const char *text = json_string_value(found);
	json_error_t at;

	*value = NULL;
	if (json_is_object(found)) {
		*value = json_incref(found);
	} else if (text) {
		*value = json_loadb(text, json_string_length(found), 0, &at);
		if (!*value && !*at.text) // without memory jansson says nothing
			return error_set(c->err, -ENOMEM, "out of memory");
	}
	return 0;
}

static int catboost_read_scale(struct catboost *c)
{
	const json_t *pair = json_object_get(c->root, "scale_and_bias");
	const json_t *scale = json_array_get(pair, 0), *bias = json_array_get(pair, 1);

	c->scale = 1;
	if (!pair) // of before they were written
		return 0;
	c->scale = json_number_value(scale);
	c->bias = json_is_null(bias) || (json_is_array(bias) && json_array_size(bias) == 0) ? NULL
											    : bias;
	if (!json_is_array(pair) || !json_is_number(scale) || !isfinite((float)c->scale))
		return error_set(c->err, -EINVAL, "scale_and_bias[0] should be a finite number");
	if (c->bias &&
		(json_is_array(c->bias) ? json_array_size(c->bias) != c->n_dimensions
					: !json_is_number(c->bias) || c->n_dimensions != 1))
		return error_set(c->err, -EINVAL,
			"scale_and_bias[1] has %zu numbers, should have %u", json_array_size(bias),
			c->n_dimensions);
	return 0;
}

static int catboost_build(struct catboost *c)
{
	uint32_t raw = GRAPH_NONE, output = GRAPH_NONE;
	int rc = catboost_params(c, "params", &c->params);

	if (rc == 0)
		rc = catboost_params(c, "class_params", &c->classes);
	if (rc == 0 && !c->classes)
		rc = catboost_params(c, "multiclass_params", &c->classes);
	if (rc == 0)
		rc = catboost_dimensions(c);
	if (rc == 0)
		rc = catboost_read_loss(c);
	if (rc == 0)
		rc = catboost_read_scale(c);
	if (rc == 0)
		rc = catboost_read_features(c);
	if (rc == 0)
		rc = catboost_keep_texts(c);
	if (rc == 0)
		rc = catboost_trees(c, &raw);
	if (rc == 0)
		rc = catboost_transform(c, raw, &output);
	if (rc == 0)
		rc = catboost_read_classes(c);
	if (rc == 0)
		rc = build_output(c->graph, output, c->err);
	return rc == 0 ? graph_check(c->graph, c->err) : rc;
}

int import_catboost(const void *bytes, size_t size, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err)
{
	struct catboost c = { .options = options, .report = report, .err = err };
	json_error_t at;
	int rc;

	*graph = NULL;
	if (size > JSON_BYTES_MAX)
		return error_set(err, -EFBIG, "%zu bytes of JSON, at most %zu are read", size,
			JSON_BYTES_MAX);
	c.root = json_loadb(bytes, size, 0, &at);
	// Without memory jansson says nothing.
	if (!c.root && !*at.text)
		return error_set(err, -ENOMEM, "out of memory");
	if (!c.root)
		return error_set(
			err, -EINVAL, "line %d, column %d: %.100s", at.line, at.column, at.text);
	c.graph = graph_create();
	if (c.graph)
		c.graph->source_kind = "catboost";
	rc = c.graph ? catboost_build(&c) : error_set(err, -ENOMEM, "out of memory");
	json_decref(c.params);
	json_decref(c.classes);
	json_decref(c.root);
	if (rc == 0)
		*graph = c.graph;
	else
		graph_destroy(c.graph);
	return rc;
}
