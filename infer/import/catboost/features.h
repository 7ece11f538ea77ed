// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/import/catboost/catboost.h"

// features_info: which columns a row has, their names, and what splits may ask for. Makes the graph's
// input. 0, -EINVAL, -ENOTSUP, -ENOMEM.
int catboost_read_features(struct catboost *c);
// The texts of categorical features become the image's, when the graph's input is there.
int catboost_keep_texts(struct catboost *c);
