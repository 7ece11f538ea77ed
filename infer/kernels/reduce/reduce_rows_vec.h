// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/kernels/reduce/reduce_rows.h"
#include "infer/kernels/vec/vec.h"

#include <assert.h>

#ifdef VEC_WIDTH

#define REDUCE_SUMS 4 // accumulators, because each addition waits for the one before

VEC_INLINE vec reduce_two(vec a, vec b, const bool largest)
{
	return largest ? vec_larger(a, b) : vec_add(a, b);
}

// The largest lane, or NaN where one is.
VEC_INLINE float reduce_largest_lane(vec v)
{
	const float nan = vec_sum(vec_pick(vec_equal(v, v), vec_set1(0.0f), v));

	return nan == 0.0f ? vec_max_of(v) : nan;
}

VEC_INLINE float reduce_row(const float *x, uint32_t n, const bool largest)
{
	const vec start = vec_set1(largest ? x[0] : 0.0f); // a value of the row
	vec sum[REDUCE_SUMS] = { start, start, start, start };
	uint32_t i = 0;

	for (; i + REDUCE_SUMS * VEC_WIDTH <= n; i += REDUCE_SUMS * VEC_WIDTH) {
		VEC_UNROLL
		for (uint32_t s = 0; s < REDUCE_SUMS; s++)
			sum[s] = reduce_two(sum[s], vec_load(x + i + s * VEC_WIDTH), largest);
	}
	for (uint32_t s = 0; i < n; i += VEC_WIDTH, s++) {
		const vec_mask mask = vec_first(n - i < VEC_WIDTH ? n - i : VEC_WIDTH);
		const vec v = vec_pick(mask, vec_load_mask(x + i, mask), start);

		sum[s] = reduce_two(sum[s], v, largest);
	}
	sum[0] = reduce_two(
		reduce_two(sum[0], sum[1], largest), reduce_two(sum[2], sum[3], largest), largest);
	return largest ? reduce_largest_lane(sum[0]) : vec_sum(sum[0]);
}

void VEC_NAME(f32_reduce_rows)(
	enum reduction reduction, uint32_t m, uint32_t n, const float *x, float *y)
{
	assert(n > 0);
	for (uint32_t r = 0; r < m; r++, x += n) {
		if (reduction == REDUCTION_MAX)
			y[r] = reduce_row(x, n, true);
		else
			y[r] = reduce_row(x, n, false);
		if (reduction == REDUCTION_MEAN)
			y[r] /= (float)n;
	}
}

#endif
