// SPDX-License-Identifier: BSD-3-Clause
// An XGBoost model (JSON or UBJSON) to a graph: parameters, booster, objective.
#include "infer/import/xgboost/import.h"
#include "infer/graph/arena.h"
#include "infer/import/build.h"
#include "infer/import/categories.h"
#include "infer/import/xgboost/binary.h"
#include "infer/import/xgboost/json.h"
#include "infer/import/xgboost/objective.h"
#include "infer/import/xgboost/trees.h"
#include "infer/ops/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// The model's one input, and what describes it.
static int add_input(struct xgboost *x)
{
	const json_t *names = json_object_get(x->learner, "feature_names");
	struct graph *graph = x->graph;

	x->input = build_input(graph, x->n_features, NULL, x->err);
	if (x->input == GRAPH_NONE)
		return x->err->code;
	graph->accepts_missing = true;
	if (json_array_size(names) != x->n_features)
		return 0;
	for (uint32_t f = 0; f < x->n_features; f++) {
		const char *name = json_string_value(json_array_get(names, f));

		if (!name || !*name)
			return 0; // not names: x0, x1, ...
	}
	graph->feature_names = arena_calloc(graph->arena, x->n_features, sizeof(char *));
	for (uint32_t f = 0; graph->feature_names && f < x->n_features; f++) {
		graph->feature_names[f] =
			arena_strdup(graph->arena, json_string_value(json_array_get(names, f)));
		if (!graph->feature_names[f])
			return error_set(x->err, -ENOMEM, "out of memory");
	}
	return graph->feature_names ? 0 : error_set(x->err, -ENOMEM, "out of memory");
}

static int read_parameters(struct xgboost *x)
{
	const json_t *param = xgboost_object(x, x->learner, "learner", "learner_model_param");
	const json_t *objective = xgboost_object(x, x->learner, "learner", "objective");
	int64_t features = 0, classes = 0, targets = 1;

	if (!param || !objective)
		return x->err->code;
	x->objective = json_string_value(json_object_get(objective, "name"));
	if (!x->objective)
		return error_set(x->err, -EINVAL, "learner.objective.name is missing or no text");
	if (xgboost_integer(x, param, "learner.learner_model_param", "num_feature", 1,
		    MODEL_FEATURES_MAX, &features) != 0 ||
		xgboost_integer(x, param, "learner.learner_model_param", "num_class", 0,
			XGBOOST_TARGETS_MAX, &classes) != 0 ||
		xgboost_integer(x, param, "learner.learner_model_param", "num_target", 1,
			XGBOOST_TARGETS_MAX, &targets) != 0)
		return x->err->code;
	if (features == 0)
		return error_set(
			x->err, -EINVAL, "learner.learner_model_param.num_feature is missing");
	x->n_features = (uint32_t)features;
	x->n_groups = (uint32_t)(classes > targets ? classes : targets);
	x->base = arena_calloc(x->graph->arena, x->n_groups, sizeof(*x->base));
	if (!x->base)
		return error_set(x->err, -ENOMEM, "out of memory");
	return xgboost_read_base(x, param);
}

// gblinear: weights [features + 1][groups], the bias last. What is missing adds nothing.
static int linear(struct xgboost *x, const json_t *booster, uint32_t *output)
{
	const json_t *model = xgboost_object(x, booster, "gradient_booster", "model");
	const json_t *weights =
		model ? xgboost_array(x, model, "gradient_booster.model", "weights") : NULL;
	const int64_t dims[2] = { x->n_features, x->n_groups }, groups = x->n_groups;
	const size_t expected = ((size_t)x->n_features + 1) * x->n_groups;
	uint32_t where[3], dense[3];
	float *w, *b;

	if (!weights)
		return x->err->code;
	if (json_array_size(weights) != expected)
		return error_set(x->err, -EINVAL,
			"gradient_booster.model.weights has %zu values, should have %zu",
			json_array_size(weights), expected);
	where[0] = build_node(x->graph, OP_IS_NAN, 1, &x->input, x->err);
	where[1] = build_scalar(x->graph, 0, x->err);
	where[2] = x->input;
	dense[0] = build_node(x->graph, OP_WHERE, 3, where, x->err);
	dense[1] = build_constant(x->graph, 2, dims, &w, x->err);
	dense[2] = build_constant(x->graph, 1, &groups, &b, x->err);
	if (dense[0] == GRAPH_NONE || dense[1] == GRAPH_NONE || dense[2] == GRAPH_NONE)
		return x->err->code;
	for (size_t i = 0; i < expected; i++) {
		const json_t *value = json_array_get(weights, i);
		const size_t bias = i - (size_t)x->n_features * x->n_groups;

		if (!json_is_number(value))
			return error_set(x->err, -EINVAL,
				"gradient_booster.model.weights[%zu] is no finite number", i);
		if (i < (size_t)x->n_features * x->n_groups)
			w[i] = (float)json_number_value(value);
		else
			b[bias] = x->base[bias] + (float)json_number_value(value);
	}
	*output = build_node(x->graph, OP_DENSE, 3, dense, x->err);
	report_add(x->report, "gblinear: %" PRIu32 " features, %" PRIu32 " outputs", x->n_features,
		x->n_groups);
	return *output == GRAPH_NONE ? x->err->code : 0;
}

// Texts of a feature, which stand one after the other in `values`, bytes as numbers. NULL: refused.
static json_t *texts_of(
	struct xgboost *x, uint32_t feature, const json_t *offsets, const json_t *values)
{
	const json_int_t n_bytes = (json_int_t)json_array_size(values);
	char *bytes = malloc((size_t)n_bytes + 1);
	json_t *list = bytes ? json_array() : NULL;
	json_int_t from = 0, to;

	for (json_int_t i = 0; list && i < n_bytes; i++)
		bytes[i] = (char)json_integer_value(json_array_get(values, (size_t)i));
	for (size_t i = 0; list && i < json_array_size(offsets); i++, from = to) {
		to = json_integer_value(json_array_get(offsets, i));
		if (to < from || to > n_bytes) {
			error_set(x->err, -EINVAL,
				"cats.enc[%" PRIu32
				"].offsets[%zu] is %lld, should be %lld to %lld",
				feature, i, (long long)to, (long long)from, (long long)n_bytes);
			json_decref(list);
			free(bytes);
			return NULL;
		}
		if (i > 0 &&
			json_array_append_new(list,
				json_stringn_nocheck(bytes + from, (size_t)(to - from))) != 0) {
			json_decref(list);
			list = NULL;
		}
	}
	free(bytes);
	if (!list)
		error_set(x->err, -ENOMEM, "out of memory for categories");
	return list;
}

// Floating-point numbers stand there by their bits: float32 as type 7, float64 as 8. NULL: refused.
static json_t *numbers_of(struct xgboost *x, int64_t type, const json_t *values)
{
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(values); i++) {
		const int64_t bits = json_integer_value(json_array_get(values, i));
		double wide;
		float narrow;

		memcpy(&wide, &bits, sizeof(wide));
		memcpy(&narrow, &bits, sizeof(narrow));
		wide = type == 7 ? (double)narrow : type == 8 ? wide : (double)bits;
		if (json_array_append_new(list, json_real(isfinite(wide) ? wide : 0)) != 0) {
			json_decref(list);
			error_set(x->err, -ENOMEM, "out of memory for categories");
			return NULL;
		}
	}
	return list;
}

// From 3.1 on the file keeps what the categories were (CatContainer::Save). A text that training never
// saw is an error there (encoder/ordinal.h, ReportMissing).
static int read_categories(struct xgboost *x, const json_t *booster)
{
	const json_t *gbtree = json_object_get(booster, "gbtree");
	const json_t *model = json_object_get(gbtree ? gbtree : booster, "model");
	const json_t *columns = json_object_get(json_object_get(model, "cats"), "enc");
	struct categories categories = { .graph = x->graph, .report = x->report, .err = x->err };
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < x->n_features && i < json_array_size(columns); i++) {
		const json_t *column = json_array_get(columns, i);
		const json_t *offsets = json_object_get(column, "offsets");
		const json_t *values = json_object_get(column, "values");
		json_t *list = offsets
			? texts_of(x, i, offsets, values)
			: numbers_of(
				  x, json_integer_value(json_object_get(column, "type")), values);

		rc = list ? categories_add(&categories, i, list) : x->err->code;
		json_decref(list);
	}
	return rc == 0 ? categories_keep(&categories) : rc;
}

static int import_booster(struct xgboost *x)
{
	const json_t *booster = xgboost_object(x, x->learner, "learner", "gradient_booster");
	const char *name = booster ? json_string_value(json_object_get(booster, "name")) : NULL;
	uint32_t margins = GRAPH_NONE, output = GRAPH_NONE;
	int rc;

	if (!booster)
		return x->err->code;
	if (name && strcmp(name, "gblinear") == 0)
		rc = x->options->rounds != ROUNDS_BEST && x->options->rounds != ROUNDS_ALL
			? error_set(x->err, -EINVAL, "gblinear has no rounds to choose from")
			: linear(x, booster, &margins);
	else if (name && (strcmp(name, "gbtree") == 0 || strcmp(name, "dart") == 0))
		rc = xgboost_trees(x, booster, &margins);
	else
		rc = error_set(x->err, -ENOTSUP,
			"learner.gradient_booster.name is '%.40s', should be gbtree, dart or "
			"gblinear",
			name ? name : "");
	if (rc == 0)
		rc = read_categories(x, booster);
	if (rc == 0)
		rc = xgboost_transform(x, margins, &output);
	return rc != 0 ? rc : build_output(x->graph, output, x->err);
}

static int64_t version_of(const json_t *root)
{
	const json_t *v = json_object_get(root, "version");
	const int64_t major = json_integer_value(json_array_get(v, 0));
	const int64_t minor = json_integer_value(json_array_get(v, 1));

	return major < 0 || major > 1000 || minor < 0 || minor > 999 ? 0 : 1000 * major + minor;
}

static void report_version(struct xgboost *x, const json_t *root, const char *form)
{
	const json_t *v = json_object_get(root, "version");

	report_add(x->report,
		"XGBoost %s of version %" JSON_INTEGER_FORMAT ".%" JSON_INTEGER_FORMAT
		".%" JSON_INTEGER_FORMAT ", objective %s, base score as a margin %.9g",
		form, json_integer_value(json_array_get(v, 0)),
		json_integer_value(json_array_get(v, 1)), json_integer_value(json_array_get(v, 2)),
		x->objective, (double)x->base[0] + 0.0); // no "-0"
}

// What stands behind the first brace, blanks passed over; 0: no brace, or nothing.
static char behind_brace(const char *text, size_t size)
{
	static const char BLANKS[] = { ' ', '\t', '\r', '\n' };
	size_t at = 0;

	while (at < size && memchr(BLANKS, text[at], sizeof(BLANKS)))
		at++;
	if (at == size || text[at] != '{')
		return 0;
	for (at++; at < size && memchr(BLANKS, text[at], sizeof(BLANKS));)
		at++;
	return at < size ? text[at] : 0;
}

// JSON has a member's name there, or an end.
static bool is_json(char behind)
{
	return behind == '"' || behind == '}';
}

bool xgboost_recognises(const void *bytes, size_t size)
{
	const char behind = behind_brace(bytes, size);

	// UBJSON has a length there, or a type or count.
	return (behind && (is_json(behind) || strchr("LliUI$#", behind))) ||
		xgboost_binary_recognises(bytes, size);
}

int import_xgboost(const void *bytes, size_t size, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err)
{
	struct xgboost x = { .options = options, .report = report, .err = err };
	const bool binary = xgboost_binary_recognises(bytes, size);
	const bool ubjson = !is_json(behind_brace(bytes, size));
	json_t *root;
	int rc = 0;

	*graph = NULL;
	root = binary ? xgboost_binary_parse(bytes, size, &x.margin, err)
		      : xgboost_parse(bytes, size, ubjson, err);
	if (!root)
		return err->code;
	x.graph = graph_create();
	x.learner = json_object_get(root, "learner");
	x.version = version_of(root);
	if (!x.graph)
		rc = error_set(err, -ENOMEM, "out of memory");
	else if (!json_is_object(x.learner))
		rc = error_set(err, -EINVAL,
			"not a model of XGBoost: there is no object \"learner\" "
			"(Booster.save_model writes one, dump_model does not)");
	else
		rc = read_parameters(&x);
	if (rc == 0) {
		x.graph->source_kind = "xgboost";
		report_version(&x, root, binary ? "binary" : ubjson ? "UBJSON" : "JSON");
		rc = add_input(&x);
	}
	if (rc == 0)
		rc = import_booster(&x);
	if (rc == 0)
		rc = graph_check(x.graph, err);
	json_decref(root);
	if (rc == 0)
		*graph = x.graph;
	else
		graph_destroy(x.graph);
	return rc;
}
