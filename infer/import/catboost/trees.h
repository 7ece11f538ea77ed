// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/import/catboost/catboost.h"

// How many values a leaf has, by the first tree; sets c->n_dimensions. Before catboost_trees(). -EINVAL.
int catboost_dimensions(struct catboost *c);
// oblivious_trees or trees to one node, whose output is *output. 0, -EINVAL, -ENOTSUP, -ENOMEM.
int catboost_trees(struct catboost *c, uint32_t *output);
