// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/pool/pool.h"

#include <assert.h>

static uint8_t q8_larger(uint8_t a, uint8_t b, bool is_signed)
{
	const bool larger = is_signed ? (int8_t)a > (int8_t)b : a > b;

	return larger ? a : b;
}

void q8_max_pool__scalar(const struct pool *pool, const uint8_t *x, uint8_t *y)
{
	const uint32_t *n = pool->positions, positions = n[0] * n[1] * n[2];

	assert(pool->taps > 0);
	for (uint32_t p = 0; p < positions; p++) {
		const uint8_t *window = x + p / n[2] / n[1] * pool->x_step[0] +
			p / n[2] % n[1] * pool->x_step[1] + p % n[2] * pool->x_step[2];

		for (uint32_t c = 0; c < pool->channels; c++) {
			uint8_t largest = window[pool->at[0] + c];

			for (uint32_t t = 1; t < pool->taps; t++)
				largest = q8_larger(
					largest, window[pool->at[t] + c], pool->is_signed);
			*y++ = largest;
		}
	}
}

KERNEL_TABLE_DEFINE(q8_max_pool, Q8_MAX_POOL, KERNEL_ENTRY)
