// SPDX-License-Identifier: BSD-3-Clause
// Isolation forests: Liu, Ting, Zhou, "Isolation Forest", ICDM 2008, scored as scikit-learn does.
#pragma once

#include "infer/import/forest.h"
#include "infer/learn/train/kind.h"

#define ISOLATION_SAMPLES_MAX (1u << 20)

struct isolation {
	uint32_t trees;
	uint32_t samples; // rows that a tree is grown from, without replacement; at least 2
	uint64_t seed;
};

// The mean length of an unsuccessful search in a binary search tree of n rows, c(n) of the paper: what a leaf of
// n rows adds to its depth. 0 below 2, 1 of 2.
double isolation_path(uint64_t n);

// Grows the trees from rows of a part, at most as many a tree as there are. The weight of a leaf at depth d with n
// rows is -ln 2 * (d + c(n)) / (trees * c(samples)), so that exp() of their sum is the score: 2^-(mean path / c).
// A missing value goes where most rows went. -EINVAL: no two
// rows differ, a value is infinite, rows have weights; -ECANCELED; -ENOMEM.
int isolation_grow(const struct dataset_part *rows, const struct isolation *how,
	const struct learn_watch *watch, struct forest *forest, struct error *err);

train_function isolation_forest_train;
