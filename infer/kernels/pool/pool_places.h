// SPDX-License-Identifier: BSD-3-Clause
// One line of pooled places whose channels stand side by side, [places][channels]. The contract is
// kernels.h's.
#pragma once

#include "infer/kernels/kernels.h"

struct pool_places {
	uint32_t taps, places, channels;
	size_t step;        // floats of x from place to place
	const uint32_t *at; // [taps] floats from the window's first value
	bool average;
};

typedef void pool_places_fn(const struct pool_places *pool, const float *x, float *y);
X86(pool_places_fn f32_pool_places__avx2, f32_pool_places__avx512;)
ARM(pool_places_fn f32_pool_places__neon;)
