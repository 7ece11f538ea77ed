// SPDX-License-Identifier: BSD-3-Clause
// Up to 2 rows by one panel. vpmaddubsw saturates, so bytes are widened and vpmaddwd adds pairs;
// the two sums of a column are added at the end.
#include "infer/kernels/quantise/qdense_epilogue.h"

#include <assert.h>
#include <immintrin.h>
#include <string.h>

static inline __m256i qdense_load_four_avx2(const uint8_t *x, uint32_t count, uint32_t flip)
{
	uint32_t four = 0;

	if (count >= 4)
		memcpy(&four, x, sizeof(four));
	else
		memcpy(&four, x, count);
	return _mm256_broadcastq_epi64(_mm_cvtepu8_epi16(_mm_cvtsi32_si128((int)(four ^ flip))));
}

static inline void qdense_store_avx2(const struct qdense *dense, void *y, size_t at, uint32_t count,
	__m256i sum, const float *multiplier)
{
	const __m256 low = _mm256_set1_ps((float)(dense->low - dense->zero));
	const __m256 high = _mm256_set1_ps((float)(dense->high - dense->zero));
	__m256 v = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(multiplier));
	float floats[8];
	int32_t whole[8];

	if (qdense_y_bytes(dense) > 1) {
		v = qdense_keeps_sums(dense) ? _mm256_castsi256_ps(sum) : v;
		if (count == 8) {
			_mm256_storeu_ps((float *)y + at, v);
			return;
		}
		_mm256_storeu_ps(floats, v);
		memcpy((float *)y + at, floats, count * sizeof(float));
		return;
	}
	v = _mm256_min_ps(_mm256_max_ps(v, low), high);
	sum = _mm256_add_epi32(_mm256_cvtps_epi32(v), _mm256_set1_epi32(dense->zero));
	_mm256_storeu_si256((__m256i *)whole, sum);
	for (uint32_t i = 0; i < count; i++)
		((uint8_t *)y)[at + i] = (uint8_t)whole[i];
}

static inline __attribute__((always_inline)) void qdense_tile_avx2(
	const struct qdense *dense, uint32_t rows, const uint8_t *x, void *y, uint32_t column)
{
	const char *panel =
		(const char *)dense->packed + column / QDENSE_PANEL * qdense_panel_bytes(dense->k);
	const uint32_t flip = dense->x_signed ? 0x80808080u : 0;
	__m256i sum[2][4];

#pragma GCC unroll 6
	for (uint32_t r = 0; r < rows; r++) {
#pragma GCC unroll 6
		for (uint32_t q = 0; q < 4; q++)
			sum[r][q] = _mm256_setzero_si256();
	}
	for (uint32_t i = 0; i < dense->k; i += 4) {
		const char *w = panel + QDENSE_PANEL * 8 + (size_t)i * 16;
		__m256i wide[4];

#pragma GCC unroll 6
		for (uint32_t q = 0; q < 4; q++)
			wide[q] = _mm256_cvtepi8_epi16(
				_mm_loadu_si128((const __m128i *)(w + q * 16)));
#pragma GCC unroll 6
		for (uint32_t r = 0; r < rows; r++) {
			const __m256i v = qdense_load_four_avx2(
				x + (size_t)r * dense->k + i, dense->k - i, flip);

#pragma GCC unroll 6
			for (uint32_t q = 0; q < 4; q++)
				sum[r][q] =
					_mm256_add_epi32(sum[r][q], _mm256_madd_epi16(v, wide[q]));
		}
	}
	for (uint32_t half = 0; half < 2 && column + half * 8 < dense->n; half++) {
		const uint32_t at = column + half * 8, left = dense->n - at;
		const __m256i bias = _mm256_loadu_si256((const __m256i *)panel + half);

#pragma GCC unroll 6
		for (uint32_t r = 0; r < rows; r++) {
			const __m256i pairs =
				_mm256_hadd_epi32(sum[r][half * 2], sum[r][half * 2 + 1]);
			const __m256i whole = _mm256_permute4x64_epi64(pairs, 0xd8);

			qdense_store_avx2(dense, y, (size_t)r * dense->n + at, left < 8 ? left : 8,
				_mm256_add_epi32(whole, bias),
				(const float *)(const void *)panel + QDENSE_PANEL + half * 8);
		}
	}
}

void q8_dense_2x16__avx2(const struct qdense *dense, uint32_t m, const uint8_t *x,
	const struct qdense_rows *of, void *y)
{
	const size_t y_bytes = dense->n * qdense_y_bytes(dense);
	char *out = y;

	assert(dense->k >= 1 && dense->n >= 1);
	for (uint32_t row = 0, rows; row < m; row += rows) {
		rows = m - row >= 2 ? 2 : 1;

		for (uint32_t column = 0; column < dense->n; column += QDENSE_PANEL) {
			if (rows == 2)
				qdense_tile_avx2(dense, 2, x, out, column);
			else
				qdense_tile_avx2(dense, 1, x, out, column);
		}
		if (dense->epilogue)
			qdense_finish(dense, of, row, rows, x, out);
		x += (size_t)rows * dense->k;
		out += rows * y_bytes;
	}
}
