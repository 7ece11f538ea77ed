// SPDX-License-Identifier: BSD-3-Clause
// What the parts of the LightGBM importer share; nobody else includes this. Format: what
// Booster.save_model of versions 2 to 4 writes: lines "key=value", a section for each tree.
#pragma once

#include "infer/import/forest.h"
#include "infer/import/import.h"

#define LIGHTGBM_KEYS_MAX    64
#define LIGHTGBM_TARGETS_MAX 4096

struct lightgbm_section {
	const char *name; // for sentences: "the header", "Tree=3"
	struct {
		const char *key, *value;
	} entries[LIGHTGBM_KEYS_MAX];
	uint32_t n;
};

struct lightgbm {
	char *at; // what is left of the text
	struct graph *graph;
	struct compile_report *report;
	struct error *err;
	uint32_t n_features, n_targets, n_trees;
	bool average;
	bool converted;        // the leaves hold predictions, not raw scores
	const char *objective; // "binary sigmoid:1"; "" where there is none
	struct forest *forest;
};

const char *lightgbm_find(
	const struct lightgbm_section *section, const char *key); // NULL: not there
// Whole numbers or doubles, `count` of them, into memory of the graph's. A missing key: -EINVAL, or
// with `optional` *values NULL.
int lightgbm_integers(struct lightgbm *l, const struct lightgbm_section *section, const char *key,
	uint32_t count, bool optional, const int64_t **values);
int lightgbm_doubles(struct lightgbm *l, const struct lightgbm_section *section, const char *key,
	uint32_t count, bool optional, const double **values);

// lightgbm_trees.c: the section's tree into the forest, for the target.
int lightgbm_add_tree(struct lightgbm *l, const struct lightgbm_section *section, uint32_t target);
// lightgbm_objective.c: predictions of raw scores.
int lightgbm_transform(struct lightgbm *l, uint32_t raw, uint32_t *output);
