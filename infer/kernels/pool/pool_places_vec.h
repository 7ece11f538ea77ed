// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/kernels/pool/pool_places.h"
#include "infer/kernels/vec/vec.h"

#include <assert.h>

#ifdef VEC_WIDTH

// The greatest of the taps, or their mean; a vector of channels from x on.
VEC_INLINE vec pool_taps(const struct pool_places *pool, const float *x, vec_mask mask)
{
	vec sum = vec_load_mask(x + pool->at[0], mask);

	for (uint32_t t = 1; t < pool->taps; t++) {
		const vec v = vec_load_mask(x + pool->at[t], mask);

		sum = pool->average ? vec_add(sum, v) : vec_max(v, sum);
	}
	return pool->average ? vec_div(sum, vec_set1((float)pool->taps)) : sum;
}

void VEC_NAME(f32_pool_places)(const struct pool_places *pool, const float *x, float *y)
{
	assert(pool->taps > 0);
	for (uint32_t p = 0; p < pool->places; p++, x += pool->step, y += pool->channels) {
		for (uint32_t c = 0; c < pool->channels; c += VEC_WIDTH) {
			const vec_mask mask = vec_first(
				pool->channels - c < VEC_WIDTH ? pool->channels - c : VEC_WIDTH);

			vec_store_mask(y + c, mask, pool_taps(pool, x + c, mask));
		}
	}
}

#endif
