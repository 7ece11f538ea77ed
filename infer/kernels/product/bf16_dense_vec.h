// SPDX-License-Identifier: BSD-3-Clause
// bfloat16 by multiply-adds in float32, where the CPU has no products of it: a weight is the upper
// half of a float, so a shift and a mask make two vectors of a vector of pairs.
#pragma once

#include "infer/kernels/vec/vec.h"

#ifdef VEC_WIDTH

#define BF16_INPUT float

struct bf16_weights {
	vec even, odd;
};

VEC_INLINE void bf16_round(const float *x, uint32_t n, float *to)
{
	const vec infinity = vec_set1(__builtin_inff());
	const vec v = n == VEC_WIDTH ? vec_load(x) : vec_load_mask(x, vec_first(n));
	const vec size = vec_abs(v);
	vec rounded = vec_pick(vec_less(size, infinity), vec_round_upper(v), v);

	rounded = vec_pick(vec_less(size, vec_set1(0x1p-126f)), vec_set1(0.0f), rounded);
	if (n == VEC_WIDTH)
		vec_store(to, rounded);
	else
		vec_store_mask(to, vec_first((n + 3) & ~3u), rounded);
}

VEC_INLINE struct bf16_weights bf16_load(const char *w)
{
	const vec pairs = vec_load((const float *)(const void *)w);

	return (struct bf16_weights){ vec_lower_half(pairs), vec_upper_half(pairs) };
}

VEC_INLINE vec bf16_multiply(vec sum, const float *x, struct bf16_weights w)
{
	sum = vec_fma(vec_set1(x[1]), w.odd, sum);
	return vec_fma(vec_set1(x[0]), w.even, sum);
}

#include "infer/kernels/product/bf16_dense_tile.h"

#endif
