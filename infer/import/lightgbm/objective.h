// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/import/lightgbm/lightgbm.h"

// What predictions are made of raw scores [1, targets]. 0 or a negative errno.
int lightgbm_transform(struct lightgbm *l, uint32_t raw, uint32_t *output);
