// SPDX-License-Identifier: BSD-3-Clause
// One line of pooled places with a stride of 1 or 2 along it. The contract is kernels.h's.
#pragma once

#include "infer/kernels/kernels.h"

#define POOL_TAPS_MAX 64

struct pool_line {
	uint32_t taps, places, stride; // stride 1 or 2
	uint32_t at[POOL_TAPS_MAX];    // [taps] from the window's first value
	bool average;
};

typedef void pool_line_fn(const struct pool_line *line, const float *x, float *y);
pool_line_fn f32_pool_line__avx512;
