// SPDX-License-Identifier: BSD-3-Clause
// 16 channels at once, in the vectors that the compiler has on any CPU.
#include "infer/kernels/pool/pool.h"

#include <assert.h>
#include <string.h>

typedef uint8_t bytes16 __attribute__((vector_size(16), aligned(1), may_alias));

// y[i] = max(y[i], x[i]) of `count` bytes; `flip` makes the order of signed ones that of unsigned.
static void q8_take_larger(
	uint8_t *restrict y, const uint8_t *restrict x, size_t count, uint8_t flip)
{
	size_t i = 0;

	for (; i + 16 <= count; i += 16) {
		const bytes16 a = *(const bytes16 *)(y + i), b = *(const bytes16 *)(x + i);
		const bytes16 larger = (bytes16)((a ^ flip) > (b ^ flip));

		*(bytes16 *)(y + i) = (a & larger) | (b & ~larger);
	}
	for (; i < count; i++)
		y[i] = (y[i] ^ flip) > (x[i] ^ flip) ? y[i] : x[i];
}

void q8_max_pool__vector(const struct pool *pool, const uint8_t *x, uint8_t *y)
{
	const uint32_t *n = pool->positions, lines = n[0] * n[1], channels = pool->channels;
	const uint8_t flip = pool->is_signed ? 0x80 : 0;

	assert(pool->taps > 0);
	for (uint32_t l = 0; l < lines; l++) {
		const uint8_t *window = x + l / n[1] * pool->x_step[0] + l % n[1] * pool->x_step[1];

		for (uint32_t i = 0; i < n[2]; i++, window += pool->x_step[2], y += channels) {
			memcpy(y, window + pool->at[0], channels);
			for (uint32_t t = 1; t < pool->taps; t++)
				q8_take_larger(y, window + pool->at[t], channels, flip);
		}
	}
}
