// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/kernels/pool/pool.h"
#include "infer/kernels/vec/vec.h"

#include <assert.h>

#ifdef VEC_WIDTH

// The maximum or the mean over the taps, for a vector of channels from x on.
VEC_INLINE vec pool_nhwc_taps(const struct pool *pool, const float *x, vec_mask mask)
{
	vec sum = vec_load_mask(x + pool->at[0], mask);

	for (uint32_t t = 1; t < pool->taps; t++) {
		const vec v = vec_load_mask(x + pool->at[t], mask);

		sum = pool->average ? vec_add(sum, v) : vec_larger(sum, v);
	}
	return pool->average ? vec_div(sum, vec_set1((float)pool->taps)) : sum;
}

// One line of positions, whose first window begins at x.
VEC_INLINE void pool_nhwc_line(const struct pool *pool, const float *x, float *y)
{
	const uint32_t positions = pool->positions[2], channels = pool->channels;
	const size_t step = pool->x_step[2];

	for (uint32_t i = 0; i < positions; i++, x += step, y += channels) {
		for (uint32_t c = 0; c < channels; c += VEC_WIDTH) {
			const vec_mask mask =
				vec_first(channels - c < VEC_WIDTH ? channels - c : VEC_WIDTH);

			vec_store_mask(y + c, mask, pool_nhwc_taps(pool, x + c, mask));
		}
	}
}

void VEC_NAME(f32_pool_nhwc)(const struct pool *pool, const float *x, float *y)
{
	const uint32_t *n = pool->positions, lines = n[0] * n[1];

	assert(pool->taps > 0);
	for (uint32_t l = 0; l < lines; l++)
		pool_nhwc_line(pool, x + l / n[1] * pool->x_step[0] + l % n[1] * pool->x_step[1],
			y + (size_t)l * n[2] * pool->channels);
}

#endif
