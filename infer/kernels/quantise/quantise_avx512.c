// SPDX-License-Identifier: BSD-3-Clause
// The division's quotient without the division, which takes three times as long: q = x (1/s), and
// once more what is left of x, is x / s rounded to nearest where 1/s is (Markstein, "Computation of
// elementary functions on the IBM RISC System/6000 processor", 1990, theorem 3) and nothing leaves
// the range of normal numbers. Scales far from 1 are divided by.
#include "infer/kernels/quantise/qdense.h"
#include "infer/kernels/quantise/quantise.h"

#include <immintrin.h>
#include <math.h>

#define SCALE_MIN 0x1p-60f
#define SCALE_MAX 0x1p60f
#define FAR       1024.0f // steps from 0 that no integer of 8 bits reaches, whatever the zero point

struct quantise_by_16 {
	__m512 scale, inverse, near, zero, low, high;
	__m512i nan; // what becomes code 0 once the zero point is added
	__m512i zeros;
	bool is_signed;
};

// 16 quotients to whole numbers, without the zero point: at most FAR from 0.
static inline __m512i quantise_whole_fast(const struct quantise_by_16 *by, const float *from)
{
	const __m512 x = _mm512_loadu_ps(from);
	const __m512 far = _mm512_sub_ps(_mm512_setzero_ps(), by->near);
	const __m512 cut = _mm512_min_ps(_mm512_max_ps(x, far), by->near);
	const __m512 q = _mm512_mul_ps(cut, by->inverse);
	const __m512 exact = _mm512_fmadd_ps(_mm512_fnmadd_ps(q, by->scale, cut), by->inverse, q);

	return _mm512_mask_cvtps_epi32(by->nan, _mm512_cmp_ps_mask(x, x, _CMP_ORD_Q), exact);
}

// Four of them, packed: that goes lane by lane.
static inline void quantise_sixty_four(
	const struct quantise_by_16 *by, const float *from, uint8_t *to)
{
	const __m512i order =
		_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
	const __m512i low = _mm512_packs_epi32(
		quantise_whole_fast(by, from), quantise_whole_fast(by, from + 16));
	const __m512i high = _mm512_packs_epi32(
		quantise_whole_fast(by, from + 32), quantise_whole_fast(by, from + 48));
	const __m512i a = _mm512_adds_epi16(low, by->zeros), b = _mm512_adds_epi16(high, by->zeros);
	const __m512i bytes = by->is_signed ? _mm512_packs_epi16(a, b) : _mm512_packus_epi16(a, b);

	_mm512_storeu_si512(to, _mm512_permutexvar_epi32(order, bytes));
}

static inline void quantise_some(
	const struct quantise_by_16 *by, __mmask16 mask, const float *from, uint8_t *to)
{
	__m512 x = _mm512_div_ps(_mm512_maskz_loadu_ps(mask, from), by->scale);
	const __mmask16 is_number = _mm512_cmp_ps_mask(x, x, _CMP_ORD_Q);

	x = _mm512_add_ps(
		_mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), by->zero);
	x = _mm512_min_ps(_mm512_max_ps(x, by->low), by->high);
	_mm_mask_storeu_epi8(
		to, mask, _mm512_cvtepi32_epi8(_mm512_maskz_cvtps_epi32(is_number, x)));
}

void f32_quantise__avx512(const struct quantise *quantise, size_t count, const float *x, uint8_t *y)
{
	const float scale = fabsf(quantise->scale);
	const bool fast = scale >= SCALE_MIN && scale <= SCALE_MAX; // not where it is NaN
	const struct quantise_by_16 by = {
		.scale = _mm512_set1_ps(quantise->scale),
		.inverse = _mm512_set1_ps(1.0f / quantise->scale),
		.near = _mm512_set1_ps(FAR * scale),
		.zero = _mm512_set1_ps((float)quantise->zero),
		.low = _mm512_set1_ps(quantise->is_signed ? -128.0f : 0.0f),
		.high = _mm512_set1_ps(quantise->is_signed ? 127.0f : 255.0f),
		.nan = _mm512_set1_epi32(-quantise->zero),
		.zeros = _mm512_set1_epi16((short)quantise->zero),
		.is_signed = quantise->is_signed,
	};
	size_t i = 0;

	for (; fast && i + 64 <= count; i += 64)
		quantise_sixty_four(&by, x + i, y + i);
	for (; i < count; i += 16) {
		const size_t left = count - i;

		quantise_some(
			&by, left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1), x + i, y + i);
	}
}
