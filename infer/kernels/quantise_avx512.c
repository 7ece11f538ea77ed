// SPDX-License-Identifier: BSD-3-Clause
// The division's quotient without the division, which takes three times as long: q = x (1/s), and
// once more what is left of x, is x / s rounded to nearest where 1/s is (Markstein, "Computation of
// elementary functions on the IBM RISC System/6000 processor", 1990, theorem 3) and nothing leaves
// the range of normal numbers. Scales far from 1 are divided by.
#include "infer/kernels/qdense.h"

#include <immintrin.h>
#include <math.h>

#define SCALE_MIN 0x1p-60f
#define SCALE_MAX 0x1p60f
#define FAR       1024.0f // steps from 0 that no integer of 8 bits reaches, whatever the zero point

struct by {
	__m512 scale, inverse, near, zero, low, high;
};

static inline __m512 quotient_fast(const struct by *by, __m512 x)
{
	const __m512 q = _mm512_mul_ps(x, by->inverse);

	return _mm512_fmadd_ps(_mm512_fnmadd_ps(q, by->scale, x), by->inverse, q);
}

static inline __attribute__((always_inline)) void sixteen(
	const struct by *by, bool fast, __mmask16 mask, const float *from, uint8_t *to)
{
	__m512 x = _mm512_maskz_loadu_ps(mask, from);
	__mmask16 is_number;
	__m512i whole;

	if (!fast)
		x = _mm512_div_ps(x, by->scale);
	is_number = _mm512_cmp_ps_mask(x, x, _CMP_ORD_Q);
	if (fast) {
		x = _mm512_min_ps(
			_mm512_max_ps(x, _mm512_sub_ps(_mm512_setzero_ps(), by->near)), by->near);
		x = quotient_fast(by, x);
	}
	x = _mm512_add_ps(
		_mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), by->zero);
	x = _mm512_min_ps(_mm512_max_ps(x, by->low), by->high);
	whole = _mm512_maskz_cvtps_epi32(is_number, x);
	_mm_mask_storeu_epi8(to, mask, _mm512_cvtepi32_epi8(whole));
}

void f32_quantise__avx512(const struct quantise *quantise, size_t count, const float *x, uint8_t *y)
{
	const float scale = fabsf(quantise->scale);
	const bool fast = scale >= SCALE_MIN && scale <= SCALE_MAX; // not where it is NaN
	const struct by by = {
		.scale = _mm512_set1_ps(quantise->scale),
		.inverse = _mm512_set1_ps(1.0f / quantise->scale),
		.near = _mm512_set1_ps(FAR * scale),
		.zero = _mm512_set1_ps((float)quantise->zero),
		.low = _mm512_set1_ps(quantise->is_signed ? -128.0f : 0.0f),
		.high = _mm512_set1_ps(quantise->is_signed ? 127.0f : 255.0f),
	};
	size_t i = 0;

	for (; fast && i + 16 <= count; i += 16)
		sixteen(&by, true, 0xffff, x + i, y + i);
	for (; i < count; i += 16) {
		const size_t left = count - i;

		sixteen(&by, false, left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1), x + i,
			y + i);
	}
}
