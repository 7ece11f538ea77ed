// SPDX-License-Identifier: BSD-3-Clause
// Random tree ensembles for tests: every test and shape that infer/graph/trees.h allows, sizes by
// parameters.
#pragma once

#include "infer/graph/trees.h"

struct random_trees {
	uint32_t n_trees, n_features, n_targets;
	uint32_t leaves_max; // of a tree; each has 1 to this many
	uint32_t depth_max;  // 0: any
	uint32_t thresholds; // distinct ones of a feature; 0: any float, infinities among them
	bool chains;         // each branch has a leaf for a child
	bool all_tests;      // else only TREE_LESS
	bool missing_both;   // NaN goes either way; else always to children[0]
	bool vectors;        // leaves with 0 to 3 weights for any target
	bool rows;   // leaves with weights of any fractions for some targets each, at most 64
	bool linear; // linear leaves among the others
	enum tree_aggregate aggregate;
};

// Weights (but of `rows`) are small whole numbers, other ones in each leaf of a tree: sums are
// exact in any order, and a wrong leaf shows. Free with random_trees_fini(). Aborts without memory.
void random_trees_init(struct trees *trees, const struct random_trees *how, uint64_t seed);
void random_trees_fini(struct trees *trees);

// A value for a feature: one of the ensemble's thresholds, its neighbours, and what is special
// (NaN, infinities, zeros of both signs, denormals, whole numbers).
float random_trees_value(const struct trees *trees, uint32_t feature, uint64_t *state);
uint64_t random_next(uint64_t *state);
