// SPDX-License-Identifier: BSD-3-Clause
// Up to 4 rows by one panel of which sums of four products fit in 16 bits (qdense_fits): vpmaddubsw adds pairs
// of them, two such are added, and vpmaddwd by 1 adds the halves. That is 3 multiplications for 64
// products. Where they might not fit, up to 2 rows: vpmaddubsw would saturate, so that bytes are widened
// and vpmaddwd adds pairs; the two sums of a column are added at the end.
#include "infer/kernels/quantise/qdense_epilogue.h"

#include <assert.h>
#include <immintrin.h>
#include <string.h>

#define TILE_ROWS  4
#define BLOCK_ROWS 32 // by one panel after the other: both stay in the first-level cache

// What becomes of a sum, for a whole call.
struct qdense_out {
	__m256 low, high;
	__m256i zero;
};

// --- Out -----------------------------------------------------------------------------------------

static inline __attribute__((always_inline)) __m256 qdense_value_avx2(
	__m256i sum, const float *multiplier)
{
	return _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(multiplier));
}

// 8 sums as integers that fit in a byte.
static inline __attribute__((always_inline)) __m256i qdense_whole_avx2(
	const struct qdense_out *out, __m256i sum, const float *multiplier)
{
	__m256 v = qdense_value_avx2(sum, multiplier);

	v = _mm256_min_ps(_mm256_max_ps(v, out->low), out->high);
	return _mm256_add_epi32(_mm256_cvtps_epi32(v), out->zero);
}

static inline __attribute__((always_inline)) void qdense_store_row_avx2(
	char *to, __m128i bytes, uint32_t count)
{
	if (count == QDENSE_PANEL)
		_mm_storeu_si128((__m128i *)(void *)to, bytes);
	else
		memcpy(to, &bytes, count);
}

// `count` values of each of `rows` rows, as bytes.
static inline __attribute__((always_inline)) void qdense_store_bytes_avx2(
	const struct qdense *dense, const struct qdense_out *out, uint32_t rows,
	__m256i sum[TILE_ROWS][2], const float *multiplier, char *y, uint32_t count)
{
	const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);

#pragma GCC unroll 4
	for (uint32_t r = 0; r < rows; r++)
		sum[r][0] = _mm256_packs_epi32(qdense_whole_avx2(out, sum[r][0], multiplier),
			qdense_whole_avx2(out, sum[r][1], multiplier + 8));
#pragma GCC unroll 4
	for (uint32_t r = 0; r < rows; r += 2) {
		const uint32_t second = r + 1 < rows ? r + 1 : r;
		const __m256i bytes = _mm256_permutevar8x32_epi32(dense->to == DTYPE_I8
				? _mm256_packs_epi16(sum[r][0], sum[second][0])
				: _mm256_packus_epi16(sum[r][0], sum[second][0]),
			order);

		qdense_store_row_avx2(
			y + r * (size_t)dense->n, _mm256_castsi256_si128(bytes), count);
		if (second > r)
			qdense_store_row_avx2(y + second * (size_t)dense->n,
				_mm256_extracti128_si256(bytes, 1), count);
	}
}

// `sum` of `rows` rows, from which their values in a panel's columns become.
static inline __attribute__((always_inline)) void qdense_store_avx2(const struct qdense *dense,
	const struct qdense_out *out, uint32_t rows, __m256i sum[TILE_ROWS][2], const char *panel,
	void *y, uint32_t column)
{
	const float *multiplier = (const float *)(const void *)panel + QDENSE_PANEL;
	const uint32_t left = dense->n - column, count = left < QDENSE_PANEL ? left : QDENSE_PANEL;
	char *to = (char *)y + column * qdense_y_bytes(dense);

	if (qdense_y_bytes(dense) == 1) {
		qdense_store_bytes_avx2(dense, out, rows, sum, multiplier, to, count);
		return;
	}
	for (uint32_t r = 0; r < rows; r++) {
		__m256i whole[2] = { sum[r][0], sum[r][1] };

		for (uint32_t half = 0; half < 2 && !qdense_keeps_sums(dense); half++)
			whole[half] = _mm256_castps_si256(
				qdense_value_avx2(whole[half], multiplier + half * 8));
		memcpy(to + r * (size_t)dense->n * 4, whole, (size_t)count * 4);
	}
}

static inline __attribute__((always_inline)) __m256i qdense_bias_avx2(
	const char *panel, uint32_t half)
{
	return _mm256_load_si256((const __m256i *)(const void *)panel + half);
}

// --- Four products in 16 bits --------------------------------------------------------------------

// 4 bytes in each 32 bits.
static inline __attribute__((always_inline)) __m256i qdense_four_bytes_avx2(
	const uint8_t *x, bool flips)
{
	int32_t four;

	memcpy(&four, x, sizeof(four));
	return flips ? _mm256_xor_si256(_mm256_set1_epi32(four), _mm256_set1_epi8((char)0x80))
		     : _mm256_set1_epi32(four);
}

// `steps` times 8 inputs of each row by one panel's weights of them.
static inline __attribute__((always_inline)) void qdense_eights_avx2(const uint8_t *x, size_t ldx,
	uint32_t steps, uint32_t rows, bool flips, const char *w, __m256i sum[TILE_ROWS][2])
{
	const __m256i ones = _mm256_set1_epi16(1);

	for (uint32_t i = 0; i < steps; i++, x += 8, w += 128) {
		__m256i weights[4];

#pragma GCC unroll 4
		for (uint32_t q = 0; q < 4; q++)
			weights[q] = _mm256_load_si256((const __m256i *)(const void *)(w + q * 32));
		// gcc 12 would rather read them anew for each row, and spill sums to do so.
		__asm__(""
			: "+x"(weights[0]), "+x"(weights[1]), "+x"(weights[2]), "+x"(weights[3]));
#pragma GCC unroll 4
		for (uint32_t r = 0; r < rows; r++) {
			const __m256i first = qdense_four_bytes_avx2(x + r * ldx, flips);
			const __m256i second = qdense_four_bytes_avx2(x + r * ldx + 4, flips);

#pragma GCC unroll 2
			for (uint32_t half = 0; half < 2; half++) {
				const __m256i fours =
					_mm256_add_epi16(_mm256_maddubs_epi16(first, weights[half]),
						_mm256_maddubs_epi16(second, weights[2 + half]));

				sum[r][half] = _mm256_add_epi32(
					sum[r][half], _mm256_madd_epi16(fours, ones));
			}
		}
	}
}

static inline __attribute__((always_inline)) void qdense_tile_words_avx2(const struct qdense *dense,
	const struct qdense_out *out, uint32_t rows, bool flips, const uint8_t *x, void *y,
	uint32_t column)
{
	const char *panel =
		(const char *)dense->packed + column / QDENSE_PANEL * qdense_panel_bytes(dense->k);
	const char *w = panel + QDENSE_PANEL * 8;
	const uint32_t k = dense->k, rest = k % 8;
	__m256i sum[TILE_ROWS][2];

#pragma GCC unroll 4
	for (uint32_t r = 0; r < rows; r++) {
		sum[r][0] = qdense_bias_avx2(panel, 0);
		sum[r][1] = qdense_bias_avx2(panel, 1);
	}
	qdense_eights_avx2(x, k, k / 8, rows, flips, w, sum);
	if (rest > 0) { // what is beyond the row is multiplied by 0
		uint8_t last[TILE_ROWS][8] = { 0 };

		for (uint32_t r = 0; r < rows; r++)
			memcpy(last[r], x + (size_t)r * k + k - rest, rest);
		qdense_eights_avx2(last[0], 8, 1, rows, flips, w + (size_t)(k / 8) * 128, sum);
	}
	qdense_store_avx2(dense, out, rows, sum, panel, y, column);
}

// Functions by themselves: the registers are all taken by their loop.
#define TILE_WORDS(rows, flips)                                                                    \
	static __attribute__((noinline)) void qdense_tile_##rows##_##flips##_avx2(                 \
		const struct qdense *dense, const struct qdense_out *out, const uint8_t *x,        \
		void *y, uint32_t column)                                                          \
	{                                                                                          \
		qdense_tile_words_avx2(dense, out, rows, flips, x, y, column);                     \
	}
TILE_WORDS(4, false)
TILE_WORDS(4, true)
TILE_WORDS(1, false)
TILE_WORDS(1, true)

// --- In 32 bits ----------------------------------------------------------------------------------

static inline __m256i qdense_load_four_avx2(const uint8_t *x, uint32_t count, uint32_t flip)
{
	uint32_t four = 0;

	if (count >= 4)
		memcpy(&four, x, sizeof(four));
	else
		memcpy(&four, x, count);
	return _mm256_broadcastq_epi64(_mm_cvtepu8_epi16(_mm_cvtsi32_si128((int)(four ^ flip))));
}

static inline __attribute__((always_inline)) void qdense_tile_avx2(const struct qdense *dense,
	const struct qdense_out *out, uint32_t rows, const uint8_t *x, void *y, uint32_t column)
{
	const char *panel =
		(const char *)dense->packed + column / QDENSE_PANEL * qdense_panel_bytes(dense->k);
	const uint32_t flip = dense->x_signed ? 0x80808080u : 0;
	__m256i sum[2][4], whole[TILE_ROWS][2];

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
#pragma GCC unroll 6
	for (uint32_t r = 0; r < rows; r++) {
#pragma GCC unroll 6
		for (uint32_t half = 0; half < 2; half++)
			whole[r][half] = _mm256_add_epi32(qdense_bias_avx2(panel, half),
				_mm256_permute4x64_epi64(
					_mm256_hadd_epi32(sum[r][half * 2], sum[r][half * 2 + 1]),
					0xd8));
	}
	qdense_store_avx2(dense, out, rows, whole, panel, y, column);
}

// --- Rows ----------------------------------------------------------------------------------------

static void qdense_words_rows_avx2(const struct qdense *dense, const struct qdense_out *out,
	uint32_t rows, const uint8_t *x, void *y, uint32_t column)
{
	const size_t y_bytes = dense->n * qdense_y_bytes(dense);
	char *to = y;

	for (uint32_t count; rows > 0; rows -= count) {
		count = rows >= TILE_ROWS ? TILE_ROWS : 1;
		if (count == 1)
			(dense->x_signed ? qdense_tile_1_true_avx2 : qdense_tile_1_false_avx2)(
				dense, out, x, to, column);
		else
			(dense->x_signed ? qdense_tile_4_true_avx2 : qdense_tile_4_false_avx2)(
				dense, out, x, to, column);
		x += count * (size_t)dense->k;
		to += count * y_bytes;
	}
}

static void qdense_wide_rows_avx2(const struct qdense *dense, const struct qdense_out *out,
	uint32_t rows, const uint8_t *x, void *y, uint32_t column)
{
	const size_t y_bytes = dense->n * qdense_y_bytes(dense);
	uint32_t r = 0;

	for (; r + 2 <= rows; r += 2)
		qdense_tile_avx2(
			dense, out, 2, x + (size_t)r * dense->k, (char *)y + r * y_bytes, column);
	if (r < rows)
		qdense_tile_avx2(
			dense, out, 1, x + (size_t)r * dense->k, (char *)y + r * y_bytes, column);
}

void q8_dense_2x16__avx2(const struct qdense *dense, uint32_t m, const uint8_t *x,
	const struct qdense_rows *of, void *y)
{
	const struct qdense_out to = { .low = _mm256_set1_ps((float)(dense->low - dense->zero)),
		.high = _mm256_set1_ps((float)(dense->high - dense->zero)),
		.zero = _mm256_set1_epi32(dense->zero) };
	const size_t y_bytes = dense->n * qdense_y_bytes(dense);
	const uint8_t *fits = qdense_fits(dense);
	char *out = y;

	assert(dense->k >= 1 && dense->n >= 1);
	for (uint32_t row = 0, rows; row < m; row += rows) {
		rows = m - row < BLOCK_ROWS ? m - row : BLOCK_ROWS;

		for (uint32_t column = 0; column < dense->n; column += QDENSE_PANEL) {
			if (fits[column / QDENSE_PANEL])
				qdense_words_rows_avx2(dense, &to, rows, x, out, column);
			else
				qdense_wide_rows_avx2(dense, &to, rows, x, out, column);
		}
		if (dense->epilogue)
			qdense_finish(dense, of, row, rows, x, out);
		x += (size_t)rows * dense->k;
		out += rows * y_bytes;
	}
}
