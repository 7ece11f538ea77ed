// SPDX-License-Identifier: BSD-3-Clause
// 16 places at once; with a stride of 2 every other value of two vectors.
#include "infer/kernels/pool/pool_line.h"

#include <assert.h>
#include <immintrin.h>

static inline __m512 every_other(const float *x, uint32_t places)
{
	const __m512i even =
		_mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
	const uint32_t values = _bzhi_u32(UINT32_MAX, 2 * places - 1);
	const __m512 low = _mm512_maskz_loadu_ps((__mmask16)values, x);
	const __m512 high = _mm512_maskz_loadu_ps((__mmask16)(values >> 16), x + 16);

	return _mm512_permutex2var_ps(low, even, high);
}

void f32_pool_line__avx512(const struct pool_line *line, const float *x, float *y)
{
	const __m512 taps = _mm512_set1_ps((float)line->taps);
	uint32_t left = line->places;

	assert(line->taps > 0 && (line->stride == 1 || line->stride == 2));
	while (left > 0) {
		const uint32_t now = left < 16 ? left : 16;
		const __mmask16 mask = (__mmask16)_bzhi_u32(0xffff, now);
		__m512 sum = _mm512_setzero_ps();

		for (uint32_t t = 0; t < line->taps; t++) {
			const float *from = x + line->at[t];
			const __m512 v = line->stride == 1 ? _mm512_maskz_loadu_ps(mask, from)
							   : every_other(from, now);

			if (t == 0)
				sum = v;
			else
				sum = line->average ? _mm512_add_ps(sum, v) : _mm512_max_ps(v, sum);
		}
		if (line->average)
			sum = _mm512_div_ps(sum, taps);
		_mm512_mask_storeu_ps(y, mask, sum);
		left -= now;
		x += now * line->stride;
		y += now;
	}
}
