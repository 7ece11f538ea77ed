// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/import/xgboost/xgboost.h"

// base_score as a margin of each group, into x->base. 0, -EINVAL, -ENOTSUP: an unknown objective.
int xgboost_read_base(struct xgboost *x, const json_t *param);
// What predictions are made of margins [1, groups]. 0 or a negative errno.
int xgboost_transform(struct xgboost *x, uint32_t margins, uint32_t *output);
