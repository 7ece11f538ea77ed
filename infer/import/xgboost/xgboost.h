// SPDX-License-Identifier: BSD-3-Clause
// What the files of the XGBoost importer work on; nobody else includes this. Format: the JSON schema
// in XGBoost's documentation ("Introduction to Model IO") and what versions 0.90 to 3.x write.
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"
#include "infer/import/options.h"

#include <jansson.h>

#define XGBOOST_TARGETS_MAX 4096

struct xgboost {
	json_t *learner;
	const struct import_options *options;
	int64_t version; // 1000 * major + minor
	bool margin;     // base_score is a margin already
	struct graph *graph;
	struct compile_report *report;
	struct error *err;
	uint32_t n_features, n_groups; // groups: classes, or targets
	const char *objective;
	float *base; // [n_groups] margins
	uint32_t input;
};
