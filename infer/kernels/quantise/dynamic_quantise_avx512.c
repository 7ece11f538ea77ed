// SPDX-License-Identifier: BSD-3-Clause
// The scales of 8 rows at once in a vector; then 64 values at a time, with quotients by
// multiplication as in quantise_avx512.c. Values are within the range that the scale was made of,
// so that nothing needs to be clamped but what rounds up to 256.
#include "infer/kernels/quantise/qdense.h"
#include "infer/kernels/quantise/quantise.h"

#include <immintrin.h>
#include <math.h>

#define SCALE_MIN 0x1p-60f // as quantise_avx512.c
#define SCALE_MAX 0x1p60f
#define ROWS      8 // whose scales are computed in one vector

static inline __m512 dynamic_quantise_load_some(const float *x, uint32_t left)
{
	return left >= 16 ? _mm512_loadu_ps(x)
			  : _mm512_maskz_loadu_ps((__mmask16)_bzhi_u32(0xffff, left), x);
}

// A row's range: its largest value in the lower half, the negated least one in the upper, each
// spread over 8 lanes. Where a value is NaN, min and max return the other operand, the range so
// far.
static inline __m512 dynamic_quantise_spread_range(uint32_t k, const float *x)
{
	const __m512 none = _mm512_setzero_ps();
	__m512 high = none, low = none;
	__m256 tops, depths;

	for (uint32_t i = 0; i < k; i += 16) {
		const __m512 v = dynamic_quantise_load_some(x + i, k - i);

		high = _mm512_max_ps(v, high);
		low = _mm512_min_ps(v, low);
	}
	low = _mm512_sub_ps(none, low);
	tops = _mm256_max_ps(_mm512_castps512_ps256(high), _mm512_extractf32x8_ps(high, 1));
	depths = _mm256_max_ps(_mm512_castps512_ps256(low), _mm512_extractf32x8_ps(low, 1));
	return _mm512_insertf32x8(_mm512_castps256_ps512(tops), depths, 1);
}

// The ranges of 8 rows, gathered while they are reduced: row r in lane r of both results.
static inline void dynamic_quantise_gather_ranges(const __m512 of[ROWS], __m256 *top, __m256 *depth)
{
	__m512 pairs[4], quads[2], all;

#pragma GCC unroll 4
	for (uint32_t i = 0; i < 4; i++)
		pairs[i] = _mm512_max_ps(_mm512_unpacklo_ps(of[2 * i], of[2 * i + 1]),
			_mm512_unpackhi_ps(of[2 * i], of[2 * i + 1]));
#pragma GCC unroll 2
	for (uint32_t i = 0; i < 2; i++)
		quads[i] = _mm512_max_ps(_mm512_shuffle_ps(pairs[2 * i], pairs[2 * i + 1], 0x44),
			_mm512_shuffle_ps(pairs[2 * i], pairs[2 * i + 1], 0xee));
	all = _mm512_max_ps(_mm512_shuffle_f32x4(quads[0], quads[1], 0x88),
		_mm512_shuffle_f32x4(quads[0], quads[1], 0xdd));
	*top = _mm512_castps512_ps256(_mm512_shuffle_f32x4(all, all, 0x08));
	*depth = _mm512_castps512_ps256(_mm512_shuffle_f32x4(all, all, 0x0d));
}

struct quantised_rows {
	_Alignas(32) float scale[ROWS], inverse[ROWS];
	_Alignas(32) int32_t zero[ROWS];
	__mmask8 is_near; // scales that need no division
};

static inline void dynamic_quantise_find_scales(
	uint32_t count, uint32_t k, const float *x, struct quantised_rows *rows)
{
	const __m256 none = _mm256_setzero_ps(), one = _mm256_set1_ps(1.0f);
	__m512 of[ROWS] = { 0 };
	__m256 top, depth, span, scale, zero;

#pragma GCC unroll 8
	for (uint32_t r = 0; r < ROWS; r++) {
		if (r < count)
			of[r] = dynamic_quantise_spread_range(k, x + (size_t)r * k);
	}
	dynamic_quantise_gather_ranges(of, &top, &depth);
	span = _mm256_add_ps(top, depth);
	scale = _mm256_mask_div_ps(
		one, _mm256_cmp_ps_mask(span, none, _CMP_GT_OQ), span, _mm256_set1_ps(255.0f));
	zero = _mm256_round_ps(
		_mm256_div_ps(depth, scale), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	zero = _mm256_min_ps(_mm256_max_ps(zero, none), _mm256_set1_ps(255.0f)); // of NaN 0
	_mm256_store_ps(rows->scale, scale);
	_mm256_store_ps(rows->inverse, _mm256_div_ps(one, scale));
	_mm256_store_si256((__m256i *)rows->zero, _mm256_cvtps_epi32(zero));
	rows->is_near = _mm256_cmp_ps_mask(scale, _mm256_set1_ps(SCALE_MIN), _CMP_GE_OQ) &
		_mm256_cmp_ps_mask(scale, _mm256_set1_ps(SCALE_MAX), _CMP_LE_OQ);
}

// NaN is the least integer until packing makes it 0.
static inline __m512i dynamic_quantise_whole(__m512 x, __m512 scale, __m512 inverse)
{
	const __m512 q = _mm512_mul_ps(x, inverse);

	return _mm512_cvtps_epi32(_mm512_fmadd_ps(_mm512_fnmadd_ps(q, scale, x), inverse, q));
}

// Up to 64 values; packing goes lane by lane.
static inline void dynamic_quantise_block(
	__m512 scale, __m512 inverse, __m512i zero, uint32_t left, const float *x, uint8_t *y)
{
	const __m512i order =
		_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
	const __mmask64 mask = _bzhi_u64(~UINT64_C(0), left < 64 ? left : 64);
	__m512i q[4] = { 0 }, bytes;

	q[0] = dynamic_quantise_whole(dynamic_quantise_load_some(x, left), scale, inverse);
	if (left > 16)
		q[1] = dynamic_quantise_whole(
			dynamic_quantise_load_some(x + 16, left - 16), scale, inverse);
	if (left > 32)
		q[2] = dynamic_quantise_whole(
			dynamic_quantise_load_some(x + 32, left - 32), scale, inverse);
	if (left > 48)
		q[3] = dynamic_quantise_whole(
			dynamic_quantise_load_some(x + 48, left - 48), scale, inverse);
	q[0] = _mm512_adds_epi16(_mm512_packs_epi32(q[0], q[1]), zero);
	q[2] = _mm512_adds_epi16(_mm512_packs_epi32(q[2], q[3]), zero);
	bytes = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(q[0], q[2]));
	_mm512_mask_storeu_epi8(y, mask, bytes);
}

// The scale of a single row, where there are not 8 left.
static inline void dynamic_quantise_find_scale(
	uint32_t k, const float *x, struct quantised_rows *rows)
{
	__m512 both = dynamic_quantise_spread_range(k, x);
	float top, depth, scale = 1.0f, zero;

	both = _mm512_max_ps(both, _mm512_shuffle_f32x4(both, both, 0xb1));
	both = _mm512_max_ps(both, _mm512_permute_ps(both, 0x4e));
	both = _mm512_max_ps(both, _mm512_permute_ps(both, 0xb1));
	top = _mm512_cvtss_f32(both);
	depth = _mm_cvtss_f32(_mm512_extractf32x4_ps(both, 2));
	if (top + depth > 0.0f)
		scale = (top + depth) / 255.0f;
	zero = nearbyintf(depth / scale);
	rows->scale[0] = scale;
	rows->inverse[0] = 1.0f / scale;
	rows->zero[0] = zero > 0.0f ? (int32_t)(zero < 255.0f ? zero : 255.0f) : 0;
	rows->is_near = scale >= SCALE_MIN && scale <= SCALE_MAX;
}

void f32_dynamic_quantise__avx512(
	uint32_t m, uint32_t k, const float *x, uint8_t *y, float *scale, uint8_t *zero)
{
	for (uint32_t row = 0; row < m; row += ROWS) {
		const uint32_t count = m - row < ROWS ? m - row : ROWS;
		struct quantised_rows rows;

		if (count == 1)
			dynamic_quantise_find_scale(k, x, &rows);
		else
			dynamic_quantise_find_scales(count, k, x, &rows);
		for (uint32_t r = 0; r < count; r++, x += k, y += k) {
			const struct quantise quantise = { .scale = rows.scale[r],
				.zero = rows.zero[r] };
			const __m512 by = _mm512_set1_ps(quantise.scale);
			const __m512 inverse = _mm512_set1_ps(rows.inverse[r]);
			const __m512i zeros = _mm512_set1_epi16((short)quantise.zero);

			scale[row + r] = quantise.scale;
			zero[row + r] = (uint8_t)quantise.zero;
			if (!(rows.is_near >> r & 1)) {
				f32_quantise__avx512(&quantise, k, x, y);
				continue;
			}
			for (uint32_t i = 0; i < k; i += 64)
				dynamic_quantise_block(by, inverse, zeros, k - i, x + i, y + i);
		}
	}
}
