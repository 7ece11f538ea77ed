// SPDX-License-Identifier: BSD-3-Clause
// Tiles of AMX, as the kernels here use them: sums of up to 32 rows x 32 columns in 0 to 3 (two of
// 16 columns for the first 16 rows, two for the rest), rows of x in 4 and 5, weights of 16 columns
// in 6 and 7. All are 64 bytes wide: 16 sums, or 64 bytes of products for each.
#pragma once

#if defined(__AMX_TILE__) || defined(__AMXTILE__) // gcc's name for it, and clang 14's

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

// Intel SDM volume 1, chapter 18: "Tile configuration"
struct amx_config {
	uint8_t palette, start_row, reserved[14];
	uint16_t row_bytes[16];
	uint8_t rows[16];
};

// For blocks of `rows` rows, 1 to 32. Clears all tiles.
static inline void amx_configure(uint32_t rows)
{
	static const struct amx_config WHOLE = { .palette = 1,
		.row_bytes = { 64, 64, 64, 64, 64, 64, 64, 64 },
		.rows = { 16, 16, 16, 16, 16, 16, 16, 16 } };
	const uint8_t first = (uint8_t)(rows < 16 ? rows : 16), rest = (uint8_t)(rows - first);
	const uint8_t of[8] = { first, first, rest, rest, first, rest, 16, 16 };
	struct amx_config config = { .palette = 1 };

	if (rows == 32) {
		_tile_loadconfig(&WHOLE);
		return;
	}
	for (int t = 0; t < 8; t++) {
		config.rows[t] = of[t];
		config.row_bytes[t] = of[t] ? 64 : 0;
	}
	_tile_loadconfig(&config);
}

// --- Products, whose kind the file that includes this defines ------------------------------------
//
//	AMX_PRODUCT(sums, x, weights)   the intrinsic

#ifdef AMX_PRODUCT

#define AMX_ROWS    32
#define AMX_COLUMNS 64

// Rows of x and panels of 16 columns of weights as tiles read them: blocks of 64 bytes of a row,
// and of 16 x 64 bytes of a panel. A panel begins with the initial values of its 16 sums.
struct amx_operands {
	const char *x, *panel;
	size_t row_bytes, panel_bytes, head_bytes; // of a panel, before its blocks
	uint32_t blocks;
};

// Stores the sums of up to 16 rows or of more, of one panel or of two; rows are AMX_COLUMNS apart.
static inline __attribute__((always_inline)) void amx_multiply(
	const struct amx_operands *from, int32_t *sums, const int more_rows, const int panels)
{
	const size_t row_bytes = from->row_bytes, panel_bytes = from->panel_bytes;
	const size_t stride = AMX_COLUMNS * sizeof(*sums);
	const char *x = from->x, *w = from->panel + from->head_bytes;

	_tile_loadd(0, from->panel, 0); // for each row the same
	if (panels > 1)
		_tile_loadd(1, from->panel + panel_bytes, 0);
	if (more_rows)
		_tile_loadd(2, from->panel, 0);
	if (more_rows && panels > 1)
		_tile_loadd(3, from->panel + panel_bytes, 0);
	for (uint32_t i = 0; i < from->blocks; i++, x += 64, w += 1024) {
		_tile_loadd(4, x, row_bytes);
		_tile_loadd(6, w, 64);
		AMX_PRODUCT(0, 4, 6);
		if (more_rows) {
			_tile_loadd(5, x + 16 * row_bytes, row_bytes);
			AMX_PRODUCT(2, 5, 6);
		}
		if (panels > 1) {
			_tile_loadd(7, w + panel_bytes, 64);
			AMX_PRODUCT(1, 4, 7);
		}
		if (more_rows && panels > 1)
			AMX_PRODUCT(3, 5, 7);
	}
	_tile_stored(0, sums, stride);
	if (panels > 1)
		_tile_stored(1, sums + 16, stride);
	if (more_rows)
		_tile_stored(2, sums + (size_t)16 * AMX_COLUMNS, stride);
	if (more_rows && panels > 1)
		_tile_stored(3, sums + (size_t)16 * AMX_COLUMNS + 16, stride);
}

// Of 1 to AMX_ROWS rows, as configured, and 1 to 4 panels. Sums of floats are their bits.
static void amx_multiply_panels(
	struct amx_operands from, uint32_t rows, uint32_t panels, int32_t *sums)
{
	for (uint32_t p = 0; p < panels; p += 2, from.panel += 2 * from.panel_bytes, sums += 32) {
		const int both = panels - p > 1;

		if (rows > 16 && both)
			amx_multiply(&from, sums, 1, 2);
		else if (rows > 16)
			amx_multiply(&from, sums, 1, 1);
		else if (both)
			amx_multiply(&from, sums, 0, 2);
		else
			amx_multiply(&from, sums, 0, 1);
	}
}

#endif

#endif
