// SPDX-License-Identifier: BSD-3-Clause
// What the files of the CatBoost importer work on; nobody else includes this. Format: what CatBoost's
// json_model_helpers.cpp writes, and its tutorial on the JSON model.
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"
#include "infer/import/options.h"

#include <jansson.h>

#define CATBOOST_TARGETS_MAX 4096

struct catboost_feature { // as a split names it: by its number among those of its kind
	bool there;
	uint32_t column;      // of the row
	bool missing_true;    // NaN is above every border
	const json_t *hashes; // of a categorical feature: what its texts are compared by, [n]
	// Number of the text in the row; GRAPH_NONE: the file does not say the text of this hash.
	uint32_t *codes; // [n]
};

struct catboost {
	json_t *root;
	json_t *params, *classes; // of model_info; NULL: not there. Owned
	const struct import_options *options;
	struct graph *graph;
	struct compile_report *report;
	struct error *err;
	uint32_t n_columns;
	struct catboost_feature *floats, *categories; // [n_floats], [n_categories]
	uint32_t n_floats, n_categories;
	const char **names;    // [n_columns] NULL: the feature has no name
	uint32_t n_dimensions; // of the leaves' values
	double scale;
	const json_t *bias;               // [n_dimensions] or NULL: none
	const char *loss;                 // "" where the file does not say
	uint32_t first_target, n_targets; // of the trees: dimension d is target first_target + d
	uint32_t input;
};
