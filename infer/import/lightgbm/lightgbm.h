// SPDX-License-Identifier: BSD-3-Clause
// What the files of the LightGBM importer work on; nobody else includes this. Format: what
// Booster.save_model of versions 2 to 4 writes: lines "key=value", a section for each tree.
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"
#include "infer/import/options.h"

#define LIGHTGBM_TARGETS_MAX 4096

struct forest;

struct lightgbm {
	char *at; // what is left of the text
	const struct import_options *options;
	struct graph *graph;
	struct compile_report *report;
	struct error *err;
	uint32_t n_features, n_targets, n_trees;
	bool average;
	bool rounded;          // some threshold is no float32
	bool converted;        // the leaves hold predictions, not raw scores
	const char *objective; // "binary sigmoid:1"; "" where there is none
	const char *infos; // of each feature: "[0:1]", "none", or "1:0:2" of categories; or NULL
	struct forest *forest;
};
