// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/import/xgboost/xgboost.h"

// How many of the `n` trees of gbtree or dart are scored: those of the rounds that are wanted, which
// follow each other in the file. `model` is the object gradient_booster.model; `by_group`: each tree
// is for one group. 0 or -EINVAL.
int xgboost_count_trees(
	struct xgboost *x, const json_t *model, bool by_group, size_t n, size_t *count);
