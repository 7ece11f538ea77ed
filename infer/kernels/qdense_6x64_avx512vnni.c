// SPDX-License-Identifier: BSD-3-Clause
// Tiles of up to 6 rows by 4 panels: 24 sums in registers, vpdpbusd.
#include "infer/kernels/qdense.h"

#include <assert.h>
#include <immintrin.h>
#include <string.h>

// The last 1 to 3 bytes of a row; weights of 0 stand against what is beyond.
static inline uint32_t load_rest(const uint8_t *x, uint32_t rest)
{
	uint32_t value = x[0];

	if (rest > 1)
		value |= (uint32_t)x[1] << 8;
	if (rest > 2)
		value |= (uint32_t)x[2] << 16;
	return value;
}

static inline void store(const struct qdense *dense, void *y, size_t at, __mmask16 mask,
	__m512i sum, __m512 multiplier)
{
	const __m512 low = _mm512_set1_ps((float)(dense->low - dense->zero));
	const __m512 high = _mm512_set1_ps((float)(dense->high - dense->zero));
	__m512 v = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), multiplier);

	if (dense->to == DTYPE_F32) {
		_mm512_mask_storeu_ps((float *)y + at, mask, v);
		return;
	}
	v = _mm512_min_ps(_mm512_max_ps(v, low), high);
	sum = _mm512_add_epi32(_mm512_cvtps_epi32(v), _mm512_set1_epi32(dense->zero));
	_mm_mask_storeu_epi8((uint8_t *)y + at, mask, _mm512_cvtepi32_epi8(sum));
}

static inline __attribute__((always_inline)) void tile(const struct qdense *dense, uint32_t rows,
	uint32_t panels, const uint8_t *x, void *y, uint32_t column)
{
	const uint32_t k = dense->k, whole = k / 4, rest = k % 4;
	const size_t panel_bytes = qdense_panel_bytes(k);
	const char *packed = (const char *)dense->packed + column / QDENSE_PANEL * panel_bytes;
	const __m512i turn = _mm512_set1_epi32(dense->x_signed ? (int)0x80808080u : 0);
	__m512i sum[6][4], w[4];

#pragma GCC unroll 6
	for (uint32_t p = 0; p < panels; p++) {
#pragma GCC unroll 6
		for (uint32_t r = 0; r < rows; r++)
			sum[r][p] = _mm512_loadu_si512(packed + p * panel_bytes);
	}
	for (uint32_t i = 0; i < whole + (rest != 0); i++) {
#pragma GCC unroll 6
		for (uint32_t p = 0; p < panels; p++)
			w[p] = _mm512_loadu_si512(
				packed + p * panel_bytes + QDENSE_PANEL * 8 + (size_t)i * 64);
#pragma GCC unroll 6
		for (uint32_t r = 0; r < rows; r++) {
			const uint8_t *from = x + (size_t)r * k + (size_t)i * 4;
			uint32_t four;
			__m512i v;

			if (i < whole)
				memcpy(&four, from, sizeof(four));
			else
				four = load_rest(from, rest);
			v = _mm512_xor_si512(_mm512_set1_epi32((int)four), turn);
#pragma GCC unroll 6
			for (uint32_t p = 0; p < panels; p++)
				sum[r][p] = _mm512_dpbusd_epi32(sum[r][p], v, w[p]);
		}
	}
#pragma GCC unroll 6
	for (uint32_t p = 0; p < panels; p++) {
		const uint32_t left = dense->n - column - p * QDENSE_PANEL;
		const __mmask16 mask = left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);
		const __m512 multiplier = _mm512_loadu_ps(packed + p * panel_bytes + 64);

#pragma GCC unroll 6
		for (uint32_t r = 0; r < rows; r++)
			store(dense, y, (size_t)r * dense->n + column + p * QDENSE_PANEL, mask,
				sum[r][p], multiplier);
	}
}

#define TILE_ROWS(rows)                                                                            \
	static void tile_##rows(const struct qdense *dense, const uint8_t *x, void *y)             \
	{                                                                                          \
		uint32_t column = 0;                                                               \
                                                                                                   \
		for (; column + 48 < dense->n; column += 64)                                       \
			tile(dense, rows, 4, x, y, column);                                        \
		if (column + 32 < dense->n)                                                        \
			tile(dense, rows, 3, x, y, column);                                        \
		else if (column + 16 < dense->n)                                                   \
			tile(dense, rows, 2, x, y, column);                                        \
		else if (column < dense->n)                                                        \
			tile(dense, rows, 1, x, y, column);                                        \
	}
TILE_ROWS(1)
TILE_ROWS(2)
TILE_ROWS(4)
TILE_ROWS(6)

void q8_dense_6x64__avx512vnni(const struct qdense *dense, uint32_t m, const uint8_t *x, void *y)
{
	const size_t y_bytes = (size_t)dense->n * (dense->to == DTYPE_F32 ? sizeof(float) : 1);
	char *out = y;

	assert(dense->k >= 1 && dense->n >= 1);
	while (m > 0) {
		const uint32_t rows = m >= 6 ? 6 : m >= 4 ? 4 : m >= 2 ? 2 : 1;

		if (rows == 6)
			tile_6(dense, x, out);
		else if (rows == 4)
			tile_4(dense, x, out);
		else if (rows == 2)
			tile_2(dense, x, out);
		else
			tile_1(dense, x, out);
		x += (size_t)rows * dense->k;
		out += rows * y_bytes;
		m -= rows;
	}
}
