// SPDX-License-Identifier: BSD-3-Clause
// Rows for the tests of what learns, filled by hand.
#pragma once

#include "infer/learn/data/dataset_part.h"

#define LEARN_FEATURES_MAX 320

// `values`: [n_rows][n_features], which must outlive the set; features are called f0, f1, ...
struct dataset learn_rows(const float *values, size_t n_rows, uint32_t n_features);
// Rows first to first + n - 1 of a set; `index` has room for them.
struct dataset_part learn_part(
	const struct dataset *set, uint32_t *index, uint32_t first, uint32_t n);
