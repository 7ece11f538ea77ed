// SPDX-License-Identifier: BSD-3-Clause
// x / scale is x * (1 / scale) except near the middle between two whole numbers: only there is
// divided. Up to 2^9, where nothing is saturated yet, the product is within 2^9 * 2^-22 of the
// quotient, far less than NEAR.
#include "infer/kernels/qdense.h"

#include <immintrin.h>

#define NEAR 1e-3f

static inline __m512 rounded(__m512 x, __m512 scale, __m512 inverse, bool divide)
{
	__m512 q = _mm512_mul_ps(x, inverse), whole, off;

	whole = _mm512_roundscale_ps(q, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	off = _mm512_abs_ps(
		_mm512_sub_ps(_mm512_abs_ps(_mm512_sub_ps(q, whole)), _mm512_set1_ps(0.5f)));
	// Not certainly far from the middle: NaN, too.
	if (divide || _mm512_cmp_ps_mask(off, _mm512_set1_ps(NEAR), _CMP_NGT_UQ))
		whole = _mm512_roundscale_ps(
			_mm512_div_ps(x, scale), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	return whole;
}

void f32_quantise__avx512(const struct quantise *quantise, size_t count, const float *x, uint8_t *y)
{
	const float least = quantise->is_signed ? -128.0f : 0.0f;
	const __m512 scale = _mm512_set1_ps(quantise->scale);
	const __m512 inverse = _mm512_set1_ps(1.0f / quantise->scale);
	const __m512 zero = _mm512_set1_ps((float)quantise->zero);
	const __m512 low = _mm512_set1_ps(least), high = _mm512_set1_ps(least + 255.0f);
	// Inverses that are rounded more coarsely, or not finite, are not to be trusted.
	const bool divide = !(quantise->scale > 1e-30f && quantise->scale < 1e30f);

	for (size_t i = 0; i < count; i += 16) {
		const __mmask16 mask =
			count - i >= 16 ? 0xffff : (__mmask16)((1u << (count - i)) - 1);
		__m512 q = rounded(_mm512_maskz_loadu_ps(mask, x + i), scale, inverse, divide);

		q = _mm512_add_ps(q, zero);
		q = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(q, q, _CMP_ORD_Q), q);
		q = _mm512_min_ps(_mm512_max_ps(q, low), high);
		_mm_mask_storeu_epi8(y + i, mask, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(q)));
	}
}
