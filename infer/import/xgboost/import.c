// SPDX-License-Identifier: BSD-3-Clause
// An XGBoost model (JSON or UBJSON) to a graph: parameters, booster, objective.
#include "infer/graph/arena.h"
#include "infer/import/xgboost/ubjson.h"
#include "infer/import/xgboost/xgboost.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define JSON_BYTES_MAX ((size_t)512 << 20)

json_t *xgboost_object(struct xgboost *x, const json_t *in, const char *where, const char *name)
{
	json_t *value = json_object_get(in, name);

	if (json_is_object(value))
		return value;
	error_set(x->err, -EINVAL, "%s.%s is missing or no object", where, name);
	return NULL;
}

json_t *xgboost_array(struct xgboost *x, const json_t *in, const char *where, const char *name)
{
	json_t *value = json_object_get(in, name);

	if (json_is_array(value))
		return value;
	error_set(x->err, -EINVAL, "%s.%s is missing or no list", where, name);
	return NULL;
}

int xgboost_integer(struct xgboost *x, const json_t *in, const char *where, const char *name,
	int64_t low, int64_t high, int64_t *value)
{
	const json_t *found = json_object_get(in, name);
	const char *text = json_string_value(found);
	char *end = NULL;
	int64_t number;

	if (!found)
		return 0;
	errno = 0;
	number = text ? strtoll(text, &end, 10) : json_integer_value(found);
	if ((text ? *text == '\0' || *end || errno : !json_is_integer(found)) || number < low ||
		number > high)
		return error_set(x->err, -EINVAL,
			"%s.%s should be a whole number from %" PRId64 " to %" PRId64, where, name,
			low, high);
	*value = number;
	return 0;
}

// The model's one input, and what describes it.
static int add_input(struct xgboost *x)
{
	const json_t *names = json_object_get(x->learner, "feature_names");
	struct graph *graph = x->graph;

	x->input = build_input(graph, x->n_features, NULL, x->err);
	if (x->input == GRAPH_NONE)
		return -ENOMEM;
	graph->accepts_missing = true;
	if (json_array_size(names) != x->n_features)
		return 0;
	graph->feature_names = arena_calloc(graph->arena, x->n_features, sizeof(char *));
	for (uint32_t f = 0; graph->feature_names && f < x->n_features; f++) {
		const char *name = json_string_value(json_array_get(names, f));

		graph->feature_names[f] = arena_strdup(graph->arena, name ? name : "");
		if (!graph->feature_names[f] || !name || !*name) {
			graph->feature_names = NULL; // not names: x0, x1, ...
			break;
		}
	}
	return 0;
}

static int read_parameters(struct xgboost *x)
{
	const json_t *param = xgboost_object(x, x->learner, "learner", "learner_model_param");
	const json_t *objective = xgboost_object(x, x->learner, "learner", "objective");
	int64_t features = 0, classes = 0, targets = 1;

	if (!param || !objective)
		return -EINVAL;
	x->objective = json_string_value(json_object_get(objective, "name"));
	if (!x->objective)
		return error_set(x->err, -EINVAL, "learner.objective.name is missing or no text");
	if (xgboost_integer(x, param, "learner.learner_model_param", "num_feature", 1,
		    MODEL_FEATURES_MAX, &features) != 0 ||
		xgboost_integer(x, param, "learner.learner_model_param", "num_class", 0,
			XGBOOST_TARGETS_MAX, &classes) != 0 ||
		xgboost_integer(x, param, "learner.learner_model_param", "num_target", 1,
			XGBOOST_TARGETS_MAX, &targets) != 0)
		return -EINVAL;
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
		return -EINVAL;
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
		return -ENOMEM;
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
	return *output == GRAPH_NONE ? -EINVAL : 0;
}

static int import_booster(struct xgboost *x)
{
	const json_t *booster = xgboost_object(x, x->learner, "learner", "gradient_booster");
	const char *name = booster ? json_string_value(json_object_get(booster, "name")) : NULL;
	uint32_t margins, output;
	int rc;

	if (!booster)
		return -EINVAL;
	if (name && strcmp(name, "gblinear") == 0)
		rc = linear(x, booster, &margins);
	else if (name && (strcmp(name, "gbtree") == 0 || strcmp(name, "dart") == 0))
		rc = xgboost_trees(x, booster, &margins);
	else
		rc = error_set(x->err, -ENOTSUP,
			"learner.gradient_booster.name is '%.40s', should be gbtree, dart or "
			"gblinear",
			name ? name : "");
	if (rc == 0)
		rc = xgboost_transform(x, margins, &output);
	return rc ? rc : build_output(x->graph, output, x->err);
}

static void report_version(struct xgboost *x, const json_t *root, bool binary)
{
	const json_t *v = json_object_get(root, "version");

	report_add(x->report,
		"XGBoost %s of version %" JSON_INTEGER_FORMAT ".%" JSON_INTEGER_FORMAT
		".%" JSON_INTEGER_FORMAT ", objective %s, base score as a margin %.9g",
		binary ? "UBJSON" : "JSON", json_integer_value(json_array_get(v, 0)),
		json_integer_value(json_array_get(v, 1)), json_integer_value(json_array_get(v, 2)),
		x->objective, (double)x->base[0] + 0.0); // no "-0"
}

// XGBoost writes NaN and Infinity, which are no JSON, for what a split by category does not need:
// null in their place. malloc'ed; NULL: out of memory.
static char *without_nan(const char *text, size_t size, size_t *made)
{
	static const struct {
		const char *from;
		size_t bytes;
	} WORDS[] = { { "NaN", 3 }, { "-NaN", 4 }, { "Infinity", 8 }, { "-Infinity", 9 } };
	char *copy = malloc(size + size / 3 + 8), *to = copy;
	bool quoted = false;

	for (size_t i = 0; copy && i < size;) {
		size_t skip = 0;

		if (text[i] == '"')
			quoted = !quoted;
		if (quoted && text[i] == '\\' && i + 1 < size)
			*to++ = text[i++];
		for (size_t w = 0; !quoted && w < sizeof(WORDS) / sizeof(*WORDS); w++) {
			if (size - i >= WORDS[w].bytes &&
				memcmp(text + i, WORDS[w].from, WORDS[w].bytes) == 0)
				skip = WORDS[w].bytes;
		}
		if (skip) {
			memcpy(to, "null", 4);
			to += 4;
			i += skip;
		} else {
			*to++ = text[i++];
		}
	}
	*made = (size_t)(to - copy);
	return copy;
}

static json_t *parse(const void *bytes, size_t size, bool binary, int *code, struct error *err)
{
	json_error_t at;
	json_t *root;
	char *text;

	if (binary)
		return ubjson_parse(bytes, size, code, err);
	if (size > JSON_BYTES_MAX) {
		*code = error_set(err, -EFBIG, "%zu bytes of JSON, at most %zu are read", size,
			JSON_BYTES_MAX);
		return NULL;
	}
	text = without_nan(bytes, size, &size);
	root = text ? json_loadb(text, size, 0, &at) : NULL;
	if (!text)
		*code = error_set(err, -ENOMEM, "out of memory");
	else if (!root)
		*code = error_set(
			err, -EINVAL, "line %d, column %d: %.100s", at.line, at.column, at.text);
	free(text);
	return root;
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
	return behind && (is_json(behind) || strchr("LliUI$#", behind));
}

int import_xgboost(const void *bytes, size_t size, bool labels, struct graph **graph,
	struct compile_report *report, struct error *err)
{
	struct xgboost x = { .report = report, .err = err };
	const char behind = behind_brace(bytes, size);
	const bool binary = behind && !is_json(behind);
	json_t *root;
	int rc = 0;

	*graph = NULL;
	root = parse(bytes, size, binary, &rc, err);
	if (!root)
		return rc;
	x.graph = graph_create();
	x.learner = json_object_get(root, "learner");
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
		report_version(&x, root, binary);
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
