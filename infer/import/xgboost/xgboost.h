// SPDX-License-Identifier: BSD-3-Clause
// What the parts of the XGBoost importer share; nobody else includes this. Format: the JSON schema
// in XGBoost's documentation ("Introduction to Model IO") and what versions 0.90 to 3.x write.
#pragma once

#include "infer/import/build.h"
#include "infer/import/forest.h"
#include "infer/import/import.h"

#include <jansson.h>

#define XGBOOST_TARGETS_MAX 4096

struct xgboost {
	json_t *learner;
	struct graph *graph;
	struct compile_report *report;
	struct error *err;
	uint32_t n_features, n_groups; // groups: classes, or targets
	const char *objective;
	float *base; // [n_groups] margins
	uint32_t input;
};

// Members by name, refused with a sentence where they are missing or of another kind. `where` is
// the object's place in the file.
json_t *xgboost_object(struct xgboost *x, const json_t *in, const char *where, const char *name);
json_t *xgboost_array(struct xgboost *x, const json_t *in, const char *where, const char *name);
// A number, or a text that is one, as XGBoost writes its parameters. *value stays where it is
// missing.
int xgboost_integer(struct xgboost *x, const json_t *in, const char *where, const char *name,
	int64_t low, int64_t high, int64_t *value);

// xgboost_trees.c: gbtree and dart, margins [1, groups] in *output.
int xgboost_trees(struct xgboost *x, const json_t *booster, uint32_t *output);
// xgboost_objective.c: base_score as a margin, and what predictions are made of margins.
int xgboost_read_base(struct xgboost *x, const json_t *param);
int xgboost_transform(struct xgboost *x, uint32_t margins, uint32_t *output);
