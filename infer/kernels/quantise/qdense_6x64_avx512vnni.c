// SPDX-License-Identifier: BSD-3-Clause
// Tiles of up to 24 sums in registers, vpdpbusd: 6 rows by 4 panels, more rows where there are
// fewer panels; 8 panels for one to three rows, where otherwise an addition would wait for
// the one before to the same sum.
#include "infer/kernels/quantise/qdense_store_avx512.h"

#include <assert.h>
#include <immintrin.h>
#include <string.h>

// The intrinsic, but gcc 12 copies its sums about and spills them where it is one.
static inline void qdense_multiply_add_avx512vnni(__m512i *sum, __m512i x, __m512i w)
{
	__asm__("vpdpbusd %2, %1, %0" : "+v"(*sum) : "v"(x), "v"(w));
}

static inline __m512i qdense_load_four_avx512vnni(const uint8_t *x)
{
	int four;

	memcpy(&four, x, sizeof(four));
	return _mm512_set1_epi32(four);
}

// The last 1 to 3 bytes of a row and those behind them, whose weights are 0. With `at_end` those
// behind may not be read.
static inline __m512i qdense_load_rest_avx512vnni(const uint8_t *x, uint32_t rest, bool at_end)
{
	uint32_t value = x[0];

	if (!at_end)
		return qdense_load_four_avx512vnni(x);
	if (rest > 1)
		value |= (uint32_t)x[1] << 8;
	if (rest > 2)
		value |= (uint32_t)x[2] << 16;
	return _mm512_set1_epi32((int)value);
}

static inline __m512i qdense_flipped(__m512i x, bool x_signed)
{
	return x_signed ? _mm512_xor_si512(x, _mm512_set1_epi32((int)0x80808080u)) : x;
}

// `after`: how many rows follow the tile's last one in memory. Sums are stored to `sums`
// [rows][panels][16] instead of y where that is not NULL.
static inline __attribute__((always_inline)) void qdense_tile_avx512vnni(const struct qdense *dense,
	uint32_t rows, uint32_t panels, bool x_signed, const uint8_t *x, uint32_t after, void *y,
	uint32_t column, int32_t *sums)
{
	const uint32_t k = dense->k, whole = k / 4, rest = k % 4;
	const size_t panel_bytes = qdense_panel_bytes(k);
	const char *packed = (const char *)dense->packed + column / QDENSE_PANEL * panel_bytes;
	const char *weights = packed + (size_t)QDENSE_PANEL * 8;
	__m512i sum[24], w[8];
	__m512 multiplier[8];

#pragma GCC unroll 8
	for (uint32_t p = 0; p < panels; p++) {
#pragma GCC unroll 24
		for (uint32_t r = 0; r < rows; r++)
			sum[r * panels + p] = _mm512_loadu_si512(packed + p * panel_bytes);
	}
	for (uint32_t i = 0; i < whole; i++) {
#pragma GCC unroll 8
		for (uint32_t p = 0; p < panels; p++)
			w[p] = _mm512_loadu_si512(weights + p * panel_bytes + (size_t)i * 64);
#pragma GCC unroll 24
		for (uint32_t r = 0; r < rows; r++) {
			const __m512i v = qdense_flipped(
				qdense_load_four_avx512vnni(x + (size_t)r * k + (size_t)i * 4),
				x_signed);

#pragma GCC unroll 8
			for (uint32_t p = 0; p < panels; p++)
				qdense_multiply_add_avx512vnni(&sum[r * panels + p], v, w[p]);
		}
	}
#pragma GCC unroll 8
	for (uint32_t p = 0; p < panels && rest; p++)
		w[p] = _mm512_loadu_si512(weights + p * panel_bytes + (size_t)whole * 64);
#pragma GCC unroll 24
	for (uint32_t r = 0; r < rows && rest; r++) {
		const __m512i v = qdense_flipped(
			qdense_load_rest_avx512vnni(x + (size_t)r * k + (size_t)whole * 4, rest,
				((size_t)after + rows - 1 - r) * k + rest < 4),
			x_signed);

#pragma GCC unroll 8
		for (uint32_t p = 0; p < panels; p++)
			qdense_multiply_add_avx512vnni(&sum[r * panels + p], v, w[p]);
	}
	if (sums) {
#pragma GCC unroll 24
		for (uint32_t i = 0; i < rows * panels; i++)
			_mm512_store_si512(sums + i * QDENSE_PANEL, sum[i]);
		return;
	}
#pragma GCC unroll 8
	for (uint32_t p = 0; p < panels; p++)
		multiplier[p] = _mm512_loadu_ps(packed + p * panel_bytes + 64);
#pragma GCC unroll 24
	for (uint32_t r = 0; r < rows; r++)
		qdense_store_row(dense, y, r, column, panels, sum + r * panels, multiplier);
}

#define TILE(rows, panels)                                                                         \
	static void tile_##rows##x##panels(const struct qdense *dense, const uint8_t *x,           \
		uint32_t after, void *y, uint32_t column, int32_t *sums)                           \
	{                                                                                          \
		if (dense->x_signed)                                                               \
			qdense_tile_avx512vnni(                                                    \
				dense, rows, panels, true, x, after, y, column, sums);             \
		else                                                                               \
			qdense_tile_avx512vnni(                                                    \
				dense, rows, panels, false, x, after, y, column, sums);            \
	}
#define TILES_OF(panels, most)                                                                     \
	TILE(1, panels)                                                                            \
	TILE(2, panels)                                                                            \
	TILE(4, panels)                                                                            \
	TILE(most, panels)
TILES_OF(1, 12)
TILES_OF(2, 12)
TILES_OF(3, 8)
TILES_OF(4, 6)
TILE(1, 8)
TILE(2, 8)
TILE(3, 8)

typedef void tile_function(const struct qdense *dense, const uint8_t *x, uint32_t after, void *y,
	uint32_t column, int32_t *sums);

// The tile functions by the number of panels; a tile has as many rows as the registers allow.
static const struct tiles {
	uint32_t rows[4];
	tile_function *run[4];
} TILES[9] = {
	[1] = { { 12, 4, 2, 1 }, { tile_12x1, tile_4x1, tile_2x1, tile_1x1 } },
	[2] = { { 12, 4, 2, 1 }, { tile_12x2, tile_4x2, tile_2x2, tile_1x2 } },
	[3] = { { 8, 4, 2, 1 }, { tile_8x3, tile_4x3, tile_2x3, tile_1x3 } },
	[4] = { { 6, 4, 2, 1 }, { tile_6x4, tile_4x4, tile_2x4, tile_1x4 } },
	[8] = { { 3, 2, 1, 1 }, { tile_3x8, tile_2x8, tile_1x8, tile_1x8 } },
};

// Computes some panels for all rows: their weights stay in the first-level cache.
static void qdense_columns(const struct qdense *dense, uint32_t m, const uint8_t *x,
	const struct qdense_rows *rows, char *y, uint32_t column, uint32_t panels)
{
	const size_t y_bytes = dense->n * qdense_y_bytes(dense);
	const struct tiles *tiles = &TILES[panels];
	_Alignas(64) int32_t sums[24 * QDENSE_PANEL];
	uint32_t t = 0, row = 0;

	while (row < m) {
		while (tiles->rows[t] > m - row)
			t++;
		tiles->run[t](dense, x, m - row - tiles->rows[t], y, column,
			dense->epilogue ? sums : NULL);
		if (dense->epilogue)
			qdense_finish_tile(dense, rows, row, tiles->rows[t], x, sums,
				panels * QDENSE_PANEL, y, column);
		x += (size_t)tiles->rows[t] * dense->k;
		y += tiles->rows[t] * y_bytes;
		row += tiles->rows[t];
	}
}

void q8_dense_6x64__avx512vnni(const struct qdense *dense, uint32_t m, const uint8_t *x,
	const struct qdense_rows *rows, void *y)
{
	uint32_t left = (dense->n + QDENSE_PANEL - 1) / QDENSE_PANEL, column = 0;

	assert(dense->k >= 1 && dense->n >= 1);
	while (left > 0 && m > 0) {
		const uint32_t panels = m <= 3 && left >= 8 ? 8 : left < 4 ? left : 4;

		qdense_columns(dense, m, x, rows, y, column, panels);
		column += panels * QDENSE_PANEL;
		left -= panels;
	}
}
