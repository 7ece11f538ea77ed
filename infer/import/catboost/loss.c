// SPDX-License-Identifier: BSD-3-Clause
// Loss functions: what predict_proba() of CatBoostClassifier and predict() of the others make of the
// sums of leaves (eval_processing.cpp and core.py of CatBoost).
#include "infer/import/catboost/loss.h"

#include "infer/graph/arena.h"
#include "infer/graph/text.h"
#include "infer/import/build.h"

#include <stdio.h>
#include <string.h>

enum link {
	LINK_RAW,
	LINK_TWO_CLASSES, // 1 - p and p, p the sigmoid
	LINK_SOFTMAX,
	LINK_SIGMOID, // of each
	LINK_EXP,
	LINK_VARIANCE, // a mean, and the logarithm of a deviation as a variance
};

static const struct catboost_loss {
	const char *name;
	enum link link;
} LOSSES[] = {
	{ "Logloss", LINK_TWO_CLASSES },
	{ "CrossEntropy", LINK_TWO_CLASSES },
	{ "Focal", LINK_TWO_CLASSES },
	{ "MultiClass", LINK_SOFTMAX },
	{ "MultiClassOneVsAll", LINK_SIGMOID },
	{ "MultiLogloss", LINK_SIGMOID },
	{ "MultiCrossEntropy", LINK_SIGMOID },
	{ "Poisson", LINK_EXP },
	{ "Tweedie", LINK_EXP },
	{ "RMSEWithUncertainty", LINK_VARIANCE },
};

static enum link loss_link(const struct catboost *c)
{
	for (size_t i = 0; i < sizeof(LOSSES) / sizeof(*LOSSES); i++) {
		if (strcmp(LOSSES[i].name, c->loss) == 0)
			return LOSSES[i].link;
	}
	return LINK_RAW;
}

int catboost_read_loss(struct catboost *c)
{
	const json_t *loss = json_object_get(c->params, "loss_function");
	const char *name =
		json_string_value(json_is_object(loss) ? json_object_get(loss, "type") : loss);
	bool is_binary;

	c->loss = name ? arena_strndup(c->graph->arena, name, strcspn(name, ":")) : "";
	if (!c->loss)
		return error_set(c->err, -ENOMEM, "out of memory");
	is_binary = loss_link(c) == LINK_TWO_CLASSES;
	if (is_binary && c->n_dimensions != 1)
		return error_set(c->err, -EINVAL, "%s of %u values a leaf, should be of 1", c->loss,
			c->n_dimensions);
	if (loss_link(c) == LINK_VARIANCE && c->n_dimensions != 2)
		return error_set(c->err, -EINVAL, "%s of %u values a leaf, should be of 2", c->loss,
			c->n_dimensions);
	// The sigmoid of x and what it lacks to 1 are the softmax of x and 0.
	c->first_target = is_binary;
	c->n_targets = c->n_dimensions + is_binary;
	if (!*c->loss)
		report_add(c->report, "loss function not said: raw values");
	else
		report_add(c->report, "CatBoost JSON, loss function %.60s%s", c->loss,
			loss_link(c) == LINK_RAW ? ": raw values" : "");
	return 0;
}

// [mean, log of the deviation] to [mean, variance]: exp(2 x) of the second alone.
static uint32_t loss_variance(struct catboost *c, uint32_t raw)
{
	const int64_t dims[2] = { 1, 2 };
	float *which, *factor;
	uint32_t where[3];

	where[0] = build_constant(c->graph, 2, dims, &which, c->err);
	where[1] = build_constant(c->graph, 2, dims, &factor, c->err);
	if (where[0] == GRAPH_NONE || where[1] == GRAPH_NONE)
		return GRAPH_NONE;
	which[1] = 1;
	factor[1] = 2;
	where[0] = build_pair(
		c->graph, OP_GREATER, where[0], build_scalar(c->graph, 0, c->err), c->err);
	where[1] = build_pair(c->graph, OP_MUL, raw, where[1], c->err);
	if (where[1] != GRAPH_NONE)
		where[1] = build_node(c->graph, OP_EXP, 1, &where[1], c->err);
	where[2] = raw;
	return build_node(c->graph, OP_WHERE, 3, where, c->err);
}

int catboost_transform(struct catboost *c, uint32_t raw, uint32_t *output)
{
	static const enum op OPS[] = {
		[LINK_RAW] = OP_IDENTITY,
		[LINK_TWO_CLASSES] = OP_SOFTMAX,
		[LINK_SOFTMAX] = OP_SOFTMAX,
		[LINK_SIGMOID] = OP_SIGMOID,
		[LINK_EXP] = OP_EXP,
	};
	const enum link link = loss_link(c);

	*output = link == LINK_VARIANCE ? loss_variance(c, raw)
					: build_node(c->graph, OPS[link], 1, &raw, c->err);
	return *output == GRAPH_NONE ? c->err->code : 0;
}

// A class is a text or a number; false: neither.
static bool loss_label(const json_t *value, char *text, size_t bytes)
{
	if (json_is_string(value))
		snprintf(text, bytes, "%.*s", text_cut(json_string_value(value), bytes - 1),
			json_string_value(value));
	else if (json_is_integer(value))
		snprintf(text, bytes, "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		snprintf(text, bytes, "%s", json_is_true(value) ? "True" : "False");
	else
		snprintf(text, bytes, "%.9g", json_number_value(value));
	return *text && (json_is_string(value) || json_is_number(value) || json_is_boolean(value));
}

int catboost_read_classes(struct catboost *c)
{
	const json_t *lists[] = { json_object_get(c->classes, "class_names"),
		json_object_get(c->classes, "class_to_label"),
		json_object_get(
			json_object_get(c->params, "data_processing_options"), "class_names") };
	const enum link link = loss_link(c);
	const json_t *list = NULL;
	const char **labels;
	char text[400];

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists) && !list; i++)
		list = json_array_size(lists[i]) == c->n_targets ? lists[i] : NULL;
	if (!list || c->n_targets < 2 ||
		(link != LINK_TWO_CLASSES && link != LINK_SOFTMAX && link != LINK_SIGMOID))
		return 0;
	for (uint32_t i = 0; i < c->n_targets; i++) {
		if (!loss_label(json_array_get(list, i), text, sizeof(text)))
			return 0;
	}
	labels = arena_calloc(c->graph->arena, c->n_targets, sizeof(*labels));
	for (uint32_t i = 0; labels && i < c->n_targets; i++) {
		loss_label(json_array_get(list, i), text, sizeof(text));
		labels[i] = arena_strdup(c->graph->arena, text);
		if (!labels[i])
			labels = NULL;
	}
	if (!labels)
		return error_set(c->err, -ENOMEM, "out of memory");
	c->graph->class_labels = labels;
	c->graph->n_class_labels = c->n_targets;
	return 0;
}
