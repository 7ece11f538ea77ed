// SPDX-License-Identifier: BSD-3-Clause
// Tiles of up to 6 rows by one panel, vpdpbusd of 256 bits: 12 sums of the 16 registers.
#include "infer/kernels/quantise/qdense_epilogue.h"

#include <assert.h>
#include <immintrin.h>
#include <string.h>

// The intrinsic, but gcc 12 copies its sums about where it is one.
static inline void qdense_multiply_add_avxvnni(__m256i *sum, __m256i x, __m256i w)
{
	__asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(*sum) : "x"(x), "x"(w));
}

// The last 1 to 3 bytes of a row; the weights of the bytes that are missing are 0.
static inline uint32_t qdense_load_rest_avxvnni(const uint8_t *x, uint32_t rest)
{
	uint32_t value = x[0];

	if (rest > 1)
		value |= (uint32_t)x[1] << 8;
	if (rest > 2)
		value |= (uint32_t)x[2] << 16;
	return value;
}

static inline void qdense_store_avxvnni(const struct qdense *dense, void *y, size_t at,
	uint32_t count, __m256i sum, const float *multiplier)
{
	const __m256 low = _mm256_set1_ps((float)(dense->low - dense->zero));
	const __m256 high = _mm256_set1_ps((float)(dense->high - dense->zero));
	__m256 v = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(multiplier));
	float floats[8];
	uint8_t bytes[8];
	__m128i words;

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
	sum = _mm256_and_si256(sum, _mm256_set1_epi32(0xff)); // signed or not
	words = _mm_packus_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
	words = _mm_packus_epi16(words, words);
	if (count == 8) {
		_mm_storel_epi64((__m128i *)((uint8_t *)y + at), words);
		return;
	}
	_mm_storel_epi64((__m128i *)bytes, words);
	memcpy((uint8_t *)y + at, bytes, count);
}

static inline __attribute__((always_inline)) void qdense_tile_avxvnni(
	const struct qdense *dense, uint32_t rows, const uint8_t *x, void *y, uint32_t column)
{
	const uint32_t k = dense->k, rest = k % 4, left = dense->n - column;
	const char *panel =
		(const char *)dense->packed + column / QDENSE_PANEL * qdense_panel_bytes(k);
	const __m256i flip = _mm256_set1_epi32(dense->x_signed ? (int)0x80808080u : 0);
	const char *w = panel + (size_t)QDENSE_PANEL * 8;
	__m256i sum[6][2];

#pragma GCC unroll 6
	for (uint32_t r = 0; r < rows; r++) {
		sum[r][0] = _mm256_loadu_si256((const __m256i *)panel);
		sum[r][1] = _mm256_loadu_si256((const __m256i *)panel + 1);
	}
	for (uint32_t i = 0; i < k; i += 4, w += 64) {
		const __m256i w0 = _mm256_loadu_si256((const __m256i *)w);
		const __m256i w1 = _mm256_loadu_si256((const __m256i *)w + 1);

#pragma GCC unroll 6
		for (uint32_t r = 0; r < rows; r++) {
			const uint8_t *from = x + (size_t)r * k + i;
			uint32_t four;
			__m256i v;

			if (k - i >= 4)
				memcpy(&four, from, sizeof(four));
			else
				four = qdense_load_rest_avxvnni(from, rest);
			v = _mm256_xor_si256(_mm256_set1_epi32((int)four), flip);
			qdense_multiply_add_avxvnni(&sum[r][0], v, w0);
			qdense_multiply_add_avxvnni(&sum[r][1], v, w1);
		}
	}
#pragma GCC unroll 6
	for (uint32_t r = 0; r < rows; r++) {
		const float *multiplier = (const float *)(const void *)panel + QDENSE_PANEL;
		const size_t at = (size_t)r * dense->n + column;

		qdense_store_avxvnni(dense, y, at, left < 8 ? left : 8, sum[r][0], multiplier);
		if (left > 8)
			qdense_store_avxvnni(dense, y, at + 8, left < 16 ? left - 8 : 8, sum[r][1],
				multiplier + 8);
	}
}

#define TILE(rows)                                                                                 \
	static __attribute__((noinline)) void tile_##rows(                                         \
		const struct qdense *dense, const uint8_t *x, void *y)                             \
	{                                                                                          \
		for (uint32_t column = 0; column < dense->n; column += QDENSE_PANEL)               \
			qdense_tile_avxvnni(dense, rows, x, y, column);                            \
	}
TILE(1)
TILE(2)
TILE(4)
TILE(6)

void q8_dense_6x16__avxvnni(const struct qdense *dense, uint32_t m, const uint8_t *x,
	const struct qdense_rows *of, void *y)
{
	const size_t y_bytes = dense->n * qdense_y_bytes(dense);
	char *out = y;

	assert(dense->k >= 1 && dense->n >= 1);
	for (uint32_t row = 0, rows; row < m; row += rows) {
		const uint32_t left = m - row;

		rows = left >= 6 ? 6 : left >= 4 ? 4 : left >= 2 ? 2 : 1;

		if (rows == 6)
			tile_6(dense, x, out);
		else if (rows == 4)
			tile_4(dense, x, out);
		else if (rows == 2)
			tile_2(dense, x, out);
		else
			tile_1(dense, x, out);
		if (dense->epilogue)
			qdense_finish(dense, of, row, rows, x, out);
		x += (size_t)rows * dense->k;
		out += rows * y_bytes;
	}
}
