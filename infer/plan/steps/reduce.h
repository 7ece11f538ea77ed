// SPDX-License-Identifier: BSD-3-Clause
// What is reduced to one value a row of values beside each other.
#pragma once

#include "infer/kernels/reduce/reduce_rows.h"
#include "infer/plan/builder.h"

// Fills in the step: m rows of n values of the node's input for one row of the model. -ENOTSUP
// where no kernel is allowed.
int build_reduce_rows(struct builder *builder, enum reduction reduction, size_t m, size_t n);
