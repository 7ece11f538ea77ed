// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/kernels/reduce/reduce_rows.h"
#include "infer/plan/builder.h"

plan_builder build_reduce;
// Fills in the step: m rows of n values of the node's input for one row of the model. -ENOTSUP
// without vectors, or where n is 0.
int build_reduce_rows(struct builder *builder, enum reduction reduction, size_t m, size_t n);
