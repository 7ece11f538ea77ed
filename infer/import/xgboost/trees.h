// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/import/xgboost/xgboost.h"

// The trees of gbtree and dart as one ensemble: margins [1, groups] in *output. 0, -EINVAL, -ENOMEM.
int xgboost_trees(struct xgboost *x, const json_t *booster, uint32_t *output);
