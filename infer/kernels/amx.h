// SPDX-License-Identifier: BSD-3-Clause
// Tiles of AMX, as the kernels here use them: sums of up to 32 rows x 32 columns in 0 to 3 (two of
// 16 columns for the first 16 rows, two for the rest), rows of x in 4 and 5, weights of 16 columns
// in 6 and 7. All are 64 bytes wide: 16 sums, or 64 bytes of products for each.
#pragma once

#if defined(__AMX_TILE__) || defined(__AMXTILE__) // as gcc and clang 14 say it

#include <immintrin.h>
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

#endif
