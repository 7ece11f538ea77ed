// SPDX-License-Identifier: BSD-3-Clause
// 16 positions at once; with a stride of 2 from every other value of two vectors.
#include "infer/kernels/pool/pool.h"

#include <assert.h>
#include <immintrin.h>

static inline __m512 every_other(const float *x, uint32_t positions)
{
	const __m512i even =
		_mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
	const uint32_t values = _bzhi_u32(UINT32_MAX, 2 * positions - 1);
	const __m512 low = _mm512_maskz_loadu_ps((__mmask16)values, x);
	const __m512 high = _mm512_maskz_loadu_ps((__mmask16)(values >> 16), x + 16);

	return _mm512_permutex2var_ps(low, even, high);
}

// NaN where one of them is; where b is, max() sees to it.
static inline __m512 larger(__m512 a, __m512 b)
{
	const __mmask16 nan = _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);

	return _mm512_mask_mov_ps(_mm512_max_ps(a, b), nan, a);
}

// One line of positions, whose first window begins at x.
static inline void pool_line(const struct pool *pool, const float *x, float *y)
{
	const __m512 taps = _mm512_set1_ps((float)pool->taps);
	const size_t stride = pool->x_step[2];
	uint32_t left = pool->positions[2];

	while (left > 0) {
		const uint32_t now = left < 16 ? left : 16;
		const __mmask16 mask = (__mmask16)_bzhi_u32(0xffff, now);
		__m512 sum = _mm512_setzero_ps();

		for (uint32_t t = 0; t < pool->taps; t++) {
			const float *from = x + pool->at[t];
			const __m512 v = stride == 2 ? every_other(from, now)
						     : _mm512_maskz_loadu_ps(mask, from);

			if (t == 0)
				sum = v;
			else
				sum = pool->average ? _mm512_add_ps(sum, v) : larger(sum, v);
		}
		if (pool->average)
			sum = _mm512_div_ps(sum, taps);
		_mm512_mask_storeu_ps(y, mask, sum);
		left -= now;
		x += now * stride;
		y += now;
	}
}

void f32_pool_line__avx512(const struct pool *pool, const float *x, float *y)
{
	const uint32_t *n = pool->positions, lines = n[0] * n[1];

	assert(pool->taps > 0 && pool->channels == 1 && pool->x_step[2] <= POOL_LINE_STRIDE_MAX);
	for (uint32_t l = 0; l < lines; l++, y += n[2])
		pool_line(pool, x + l / n[1] * pool->x_step[0] + l % n[1] * pool->x_step[1], y);
}
