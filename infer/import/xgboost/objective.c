// SPDX-License-Identifier: BSD-3-Clause
// Objectives: which function makes predictions of margins, and its inverse for base_score.
#include "infer/import/xgboost/objective.h"
#include "infer/import/build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum link {
	LINK_IDENTITY,
	LINK_LOGISTIC,
	LINK_EXP,
	LINK_HINGE,
	LINK_SOFTMAX,
	LINK_CLASS,
	LINK_SORT,  // from 3.4 on: quantiles that cross change places
	LINK_STEPS, // the first, then each as much above the one before as softplus says
};

#define SORTS_SINCE  3004 // versions
#define BOUNDS_SINCE 3002
#define SMALL        1e-6f // kRtEps

// As of XGBoost 3.4 and before: ObjFunction::PredTransform and ProbToMargin of each.
static const struct xgboost_objective {
	const char *name;
	enum link link;
} OBJECTIVES[] = {
	{ "reg:squarederror", LINK_IDENTITY },
	{ "reg:linear", LINK_IDENTITY },
	{ "reg:squaredlogerror", LINK_IDENTITY },
	{ "reg:pseudohubererror", LINK_IDENTITY },
	{ "reg:absoluteerror", LINK_IDENTITY },
	{ "reg:quantileerror", LINK_SORT },
	{ "reg:expectileerror", LINK_STEPS },
	{ "reg:logistic", LINK_LOGISTIC },
	{ "reg:gamma", LINK_EXP },
	{ "reg:tweedie", LINK_EXP },
	{ "count:poisson", LINK_EXP },
	{ "binary:logistic", LINK_LOGISTIC },
	{ "binary:logitraw", LINK_IDENTITY },
	{ "binary:hinge", LINK_HINGE },
	{ "multi:softprob", LINK_SOFTMAX },
	{ "multi:softmax", LINK_CLASS },
	{ "rank:pairwise", LINK_IDENTITY },
	{ "rank:ndcg", LINK_IDENTITY },
	{ "rank:map", LINK_IDENTITY },
	{ "survival:cox", LINK_EXP },
	{ "survival:aft", LINK_EXP },
};

static const struct xgboost_objective *xgboost_find_objective(struct xgboost *x)
{
	for (size_t i = 0; i < sizeof(OBJECTIVES) / sizeof(*OBJECTIVES); i++) {
		if (strcmp(OBJECTIVES[i].name, x->objective) == 0)
			return &OBJECTIVES[i];
	}
	error_set(x->err, -ENOTSUP,
		"learner.objective: '%.60s' is no objective of XGBoost 0.90 to 3.x", x->objective);
	return NULL;
}

static float margin_of(
	const struct xgboost *x, const struct xgboost_objective *objective, float score)
{
	// Labels that are all 0 or all 1 are bounded since.
	if (objective->link == LINK_LOGISTIC && x->version >= BOUNDS_SINCE && score >= 0 &&
		score <= 1)
		score = fminf(fmaxf(score, SMALL), 1.0f - SMALL);
	if (objective->link == LINK_LOGISTIC)
		return -logf(1.0f / score - 1.0f);
	return objective->link == LINK_EXP ? logf(score) : score;
}

// The inverse of LINK_STEPS: what softplus makes the step to the next score of.
static void margins_of_steps(struct xgboost *x)
{
	for (uint32_t g = x->n_groups - 1; g > 0; g--) {
		const float step = fmaxf(x->base[g] - x->base[g - 1] - SMALL, SMALL);

		x->base[g] = step + logf(-expm1f(-step));
	}
}

// Scores in a text: "5E-1", or from 3.1 on "[5E-1,2E-1]", one for each group.
static int read_scores(struct xgboost *x, const char *text, uint32_t *count)
{
	const char *at = *text == '[' ? text + 1 : text;

	for (*count = 0; *count < x->n_groups; ++*count) {
		char *end;

		x->base[*count] = strtof(at, &end);
		if (end == at)
			break;
		at = *end == ',' ? end + 1 : end;
	}
	if (*at == ']' && *text == '[')
		at++;
	if (*count == 0 || *at)
		return error_set(x->err, -EINVAL,
			"learner.learner_model_param.base_score is '%.60s', should be one number, "
			"or one for each of %u groups",
			text, x->n_groups);
	return 0;
}

int xgboost_read_base(struct xgboost *x, const json_t *param)
{
	const struct xgboost_objective *objective = xgboost_find_objective(x);
	const json_t *score = json_object_get(param, "base_score");
	uint32_t count = 1;

	if (!objective)
		return x->err->code;
	x->base[0] = 0.5f;
	if (json_is_number(score))
		x->base[0] = (float)json_number_value(score);
	else if (score && !json_is_string(score))
		return error_set(x->err, -EINVAL,
			"learner.learner_model_param.base_score should be a number or text");
	else if (score && read_scores(x, json_string_value(score), &count) != 0)
		return x->err->code;
	if (count != 1 && count != x->n_groups)
		return error_set(x->err, -EINVAL,
			"learner.learner_model_param.base_score has %u numbers, should have 1 or "
			"%u",
			count, x->n_groups);
	if (x->margin && isfinite(x->base[0])) {
		for (uint32_t g = 1; g < x->n_groups; g++)
			x->base[g] = x->base[0];
		return 0;
	}
	for (uint32_t g = 0; g < x->n_groups; g++) {
		const float at = count == 1 ? x->base[0] : x->base[g];

		if (!isfinite(margin_of(x, objective, at)))
			return error_set(x->err, -EINVAL,
				"learner.learner_model_param.base_score is %g, which %s cannot "
				"have",
				(double)at, x->objective);
	}
	for (uint32_t g = x->n_groups; g-- > 0;)
		x->base[g] = margin_of(x, objective, count == 1 ? x->base[0] : x->base[g]);
	if (objective->link == LINK_STEPS)
		margins_of_steps(x);
	return 0;
}

// margins[0], and from each to the next a step of 1e-6 + softplus(margin).
static uint32_t steps(struct xgboost *x, uint32_t margins)
{
	const int64_t dims[2] = { 1, x->n_groups };
	float *data;
	const uint32_t step =
		build_pair(x->graph, OP_ADD, build_node(x->graph, OP_SOFTPLUS, 1, &margins, x->err),
			build_scalar(x->graph, SMALL, x->err), x->err);
	uint32_t where[3] = { build_constant(x->graph, 2, dims, &data, x->err), margins, step };

	if (where[0] == GRAPH_NONE)
		return GRAPH_NONE;
	data[0] = 1;
	where[0] = build_pair(
		x->graph, OP_GREATER, where[0], build_scalar(x->graph, 0, x->err), x->err);
	return build_running_sum(
		x->graph, build_node(x->graph, OP_WHERE, 3, where, x->err), x->err);
}

static enum link link_here(const struct xgboost *x, const struct xgboost_objective *objective)
{
	const enum link link = objective->link;

	if ((link == LINK_SORT && x->version < SORTS_SINCE) ||
		((link == LINK_SORT || link == LINK_STEPS) && x->n_groups == 1))
		return LINK_IDENTITY;
	return link;
}

int xgboost_transform(struct xgboost *x, uint32_t margins, uint32_t *output)
{
	const struct xgboost_objective *objective = xgboost_find_objective(x);
	struct graph *graph = x->graph;

	if (!objective)
		return x->err->code;
	switch (link_here(x, objective)) {
	case LINK_LOGISTIC:
		*output = build_node(graph, OP_SIGMOID, 1, &margins, x->err);
		break;
	case LINK_EXP:
		*output = build_node(graph, OP_EXP, 1, &margins, x->err);
		break;
	case LINK_HINGE: // 1 where the margin is above 0
		*output = build_pair(
			graph, OP_GREATER, margins, build_scalar(graph, 0, x->err), x->err);
		*output = build_cast(graph, *output, DTYPE_F32, x->err);
		break;
	case LINK_SOFTMAX:
		*output = build_node(graph, OP_SOFTMAX, 1, &margins, x->err);
		break;
	case LINK_CLASS:
		report_add(x->report,
			"multi:softmax predicts the number of the class; train with multi:softprob "
			"for a score of each");
		*output = build_arg_max(graph, margins, x->err);
		break;
	case LINK_SORT:
		report_add(x->report,
			"quantiles in ascending order, as XGBoost sorts them from 3.4 on");
		*output = build_sorted(graph, margins, x->err);
		break;
	case LINK_STEPS:
		*output = steps(x, margins);
		break;
	default:
		*output = build_node(graph, OP_IDENTITY, 1, &margins, x->err);
	}
	return *output == GRAPH_NONE ? x->err->code : 0;
}
