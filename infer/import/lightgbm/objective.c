// SPDX-License-Identifier: BSD-3-Clause
// Objectives: LightGBM's ConvertOutput of each (regression_objective.hpp and its neighbours).
#include "infer/import/lightgbm/objective.h"
#include "infer/import/build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum link {
	LINK_IDENTITY,
	LINK_SIGMOID, // of sigmoid * x
	LINK_SOFTMAX,
	LINK_EXP,
	LINK_LOG1P_EXP,
	LINK_SQUARE, // sign(x) x^2, where the objective says sqrt
};

static const struct lightgbm_objective {
	const char *name;
	enum link link;
} OBJECTIVES[] = {
	{ "", LINK_IDENTITY },
	{ "custom", LINK_IDENTITY },
	{ "none", LINK_IDENTITY },
	{ "regression", LINK_SQUARE },
	{ "regression_l2", LINK_SQUARE },
	{ "regression_l1", LINK_SQUARE },
	{ "huber", LINK_SQUARE },
	{ "fair", LINK_SQUARE },
	{ "quantile", LINK_SQUARE },
	{ "mape", LINK_SQUARE },
	{ "poisson", LINK_EXP },
	{ "gamma", LINK_EXP },
	{ "tweedie", LINK_EXP },
	{ "binary", LINK_SIGMOID },
	{ "multiclass", LINK_SOFTMAX },
	{ "multiclassova", LINK_SIGMOID },
	{ "cross_entropy", LINK_SIGMOID },
	{ "xentropy", LINK_SIGMOID },
	{ "cross_entropy_lambda", LINK_LOG1P_EXP },
	{ "xentlambda", LINK_LOG1P_EXP },
	{ "lambdarank", LINK_IDENTITY },
	{ "rank_xendcg", LINK_IDENTITY },
};

static const struct lightgbm_objective *lightgbm_find_objective(struct lightgbm *l)
{
	const size_t bytes = strcspn(l->objective, " ");

	for (size_t i = 0; i < sizeof(OBJECTIVES) / sizeof(*OBJECTIVES); i++) {
		if (strlen(OBJECTIVES[i].name) == bytes &&
			memcmp(OBJECTIVES[i].name, l->objective, bytes) == 0)
			return &OBJECTIVES[i];
	}
	error_set(l->err, -ENOTSUP, "objective '%.60s' is none of LightGBM 2 to 4", l->objective);
	return NULL;
}

// "binary sigmoid:0.5": the number behind the parameter's name. NaN: no number.
static double parameter(const char *objective, const char *name, double otherwise)
{
	const char *at = strstr(objective, name);
	double value;
	char *end;

	if (!at)
		return otherwise;
	value = strtod(at + strlen(name), &end);
	return end == at + strlen(name) || (*end && *end != ' ') ? (double)NAN : value;
}

static bool says(const char *objective, const char *word)
{
	const char *at = strstr(objective, word);

	return at && at > objective && at[-1] == ' ' &&
		(at[strlen(word)] == '\0' || at[strlen(word)] == ' ');
}

int lightgbm_transform(struct lightgbm *l, uint32_t raw, uint32_t *output)
{
	const struct lightgbm_objective *objective = lightgbm_find_objective(l);
	struct graph *graph = l->graph;
	const double scale = parameter(l->objective, "sigmoid:", 1);

	if (!objective)
		return l->err->code;
	if (!(scale > 0) || isinf(scale))
		return error_set(l->err, -EINVAL,
			"objective '%.60s': sigmoid should be a number above 0", l->objective);
	*output = raw;
	switch (l->converted ? LINK_IDENTITY : objective->link) {
	case LINK_SIGMOID:
		if (scale != 1)
			raw = build_pair(graph, OP_MUL, raw,
				build_scalar(graph, (float)scale, l->err), l->err);
		*output = raw == GRAPH_NONE ? raw : build_node(graph, OP_SIGMOID, 1, &raw, l->err);
		break;
	case LINK_SOFTMAX:
		*output = build_node(graph, OP_SOFTMAX, 1, &raw, l->err);
		break;
	case LINK_EXP:
		*output = build_node(graph, OP_EXP, 1, &raw, l->err);
		break;
	case LINK_LOG1P_EXP:
		*output = build_node(graph, OP_SOFTPLUS, 1, &raw, l->err);
		break;
	case LINK_SQUARE:
		if (says(l->objective, "sqrt"))
			*output = build_pair(graph, OP_MUL, raw,
				build_node(graph, OP_ABS, 1, &raw, l->err), l->err);
		break;
	default:
		break;
	}
	if (*output == raw)
		*output = build_node(graph, OP_IDENTITY, 1, &raw, l->err);
	return *output == GRAPH_NONE ? l->err->code : 0;
}
