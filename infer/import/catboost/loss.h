// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/import/catboost/catboost.h"

// Reads model_info: the loss function, and how many targets the trees get for it. After
// catboost_dimensions(). -EINVAL, -ENOMEM.
int catboost_read_loss(struct catboost *c);
// What CatBoost's own classes predict of the raw values `raw`. -EINVAL, -ENOTSUP, -ENOMEM.
int catboost_transform(struct catboost *c, uint32_t raw, uint32_t *output);
// The names of classes, where the file has one for each output.
int catboost_read_classes(struct catboost *c);
