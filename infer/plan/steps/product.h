// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/graph/ops.h"
#include "infer/kernels/product/dense.h"
#include "infer/plan/builder.h"

plan_builder build_dense, build_gemm, build_matmul;
// w [k][n] and b [n] or NULL must live as long as the graph, or stand in `own`, lent by the plan's arena, which is taken
// over, also on failure. `key` says of which constants they are made; its form is filled in. NULL: they
// are those constants.
int build_dense_of(struct builder *builder, const float *w, const float *b, float *own, uint32_t k,
	uint32_t n, struct act act, const struct packed_key *key);
