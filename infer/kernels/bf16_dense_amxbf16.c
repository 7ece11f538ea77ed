// SPDX-License-Identifier: BSD-3-Clause
// 32 rows x 64 columns by the tiles of AMX: each product of tiles is 16 rows x 16 columns x 32
// inputs.
#include "infer/kernels/amx.h"
#include "infer/kernels/bf16_dense.h"
#include "infer/kernels/dense_finish.h"

#include <assert.h>

#define ROWS               32
#define COLUMNS            64
#define WEIGHTS_NEAR_BYTES ((size_t)1 << 18)

// Rows of x as the tiles read them, [m][bf16_tiled(k)], 0 beyond k.
static void round_rows(uint32_t m, uint32_t k, const float *x, uint16_t *to)
{
	for (; m > 0; m--, x += k, to += bf16_tiled(k)) {
		for (uint32_t i = 0; i < bf16_tiled(k); i += VEC_WIDTH) {
			const uint32_t left = i < k ? k - i : 0;
			const vec v = vec_load_mask(
				x + i, vec_first(left < VEC_WIDTH ? left : VEC_WIDTH));

			_mm256_store_si256(
				(__m256i *)(void *)(to + i), (__m256i)_mm512_cvtneps_pbh(v));
		}
	}
}

// The sums of `rows` rows and one or two panels of weights, into y, COLUMNS floats a row.
static inline __attribute__((always_inline)) void multiply(const uint16_t *x, const char *panel,
	uint32_t k, float *y, const int more_rows, const int panels)
{
	const size_t panel_bytes = bf16_panel_bytes(k), row_bytes = bf16_tiled(k) * sizeof(*x);
	const char *w = panel + BF16_PANEL * sizeof(float);

	_tile_loadd(0, panel, 0); // the bias, for each row the same
	if (panels > 1)
		_tile_loadd(1, panel + panel_bytes, 0);
	if (more_rows)
		_tile_loadd(2, panel, 0);
	if (more_rows && panels > 1)
		_tile_loadd(3, panel + panel_bytes, 0);
	for (uint32_t i = 0; i < k; i += 32, x += 32, w += 1024) {
		_tile_loadd(4, x, row_bytes);
		_tile_loadd(6, w, 64);
		_tile_dpbf16ps(0, 4, 6);
		if (more_rows) {
			_tile_loadd(5, x + 16 * row_bytes / sizeof(*x), row_bytes);
			_tile_dpbf16ps(2, 5, 6);
		}
		if (panels > 1) {
			_tile_loadd(7, w + panel_bytes, 64);
			_tile_dpbf16ps(1, 4, 7);
		}
		if (more_rows && panels > 1)
			_tile_dpbf16ps(3, 5, 7);
	}
	_tile_stored(0, y, COLUMNS * sizeof(*y));
	if (panels > 1)
		_tile_stored(1, y + 16, COLUMNS * sizeof(*y));
	if (more_rows)
		_tile_stored(2, y + (size_t)16 * COLUMNS, COLUMNS * sizeof(*y));
	if (more_rows && panels > 1)
		_tile_stored(3, y + (size_t)16 * COLUMNS + 16, COLUMNS * sizeof(*y));
}

static void multiply_panels(const uint16_t *x, const char *panel, uint32_t k, uint32_t rows,
	uint32_t panels, float *sums)
{
	for (uint32_t p = 0; p < panels; p += 2, panel += 2 * bf16_panel_bytes(k), sums += 32) {
		const bool both = panels - p > 1;

		if (rows > 16 && both)
			multiply(x, panel, k, sums, 1, 2);
		else if (rows > 16)
			multiply(x, panel, k, sums, 1, 1);
		else if (both)
			multiply(x, panel, k, sums, 0, 2);
		else
			multiply(x, panel, k, sums, 0, 1);
	}
}

static inline __attribute__((always_inline)) void store_rows(const struct act *act,
	const float *sums, uint32_t rows, float *y, uint32_t ldy, uint32_t columns, const int vecs)
{
	for (uint32_t r = 0; r < rows; r++, sums += COLUMNS, y += ldy) {
		vec row[4];

		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			row[j] = vec_load(sums + j * VEC_WIDTH);
		dense_store(act, y, row, vecs, columns);
	}
}

static void store(
	const struct dense *dense, const float *sums, uint32_t rows, float *y, uint32_t columns)
{
	const struct act *act = &dense->act;
	const uint32_t n = dense->n;

	if (columns > 48)
		store_rows(act, sums, rows, y, n, columns, 4);
	else if (columns > 32)
		store_rows(act, sums, rows, y, n, columns, 3);
	else if (columns > 16)
		store_rows(act, sums, rows, y, n, columns, 2);
	else
		store_rows(act, sums, rows, y, n, columns, 1);
	dense_finish(act, (int)rows, columns, y, n);
}

// `rows` rows of all columns.
static void run_rows(const struct dense *dense, uint32_t rows, const uint16_t *rounded, float *y)
{
	_Alignas(64) float sums[ROWS * COLUMNS];
	const uint32_t k = dense->k, n = dense->n;
	uint32_t configured = 0;

	for (uint32_t column = 0; column < n; column += COLUMNS) {
		const uint32_t columns = n - column < COLUMNS ? n - column : COLUMNS;
		const char *panel =
			(const char *)dense->packed + column / BF16_PANEL * bf16_panel_bytes(k);

		for (uint32_t row = 0; row < rows; row += ROWS) {
			const uint32_t count = rows - row < ROWS ? rows - row : ROWS;

			if (count != configured)
				amx_configure(count);
			configured = count;
			multiply_panels(rounded + (size_t)row * bf16_tiled(k), panel, k, count,
				(columns + BF16_PANEL - 1) / BF16_PANEL, sums);
			store(dense, sums, count, y + (size_t)row * n + column, columns);
		}
	}
	_tile_release();
}

void bf16_dense_32x64__amxbf16(
	const struct dense *dense, uint32_t m, const float *x, float *y, void *scratch)
{
	const uint32_t k = dense->k, n = dense->n;
	// Weights that the caches are far from holding are walked over once for all rows.
	const uint32_t most = bf16_dense_packed_bytes(k, n) > WEIGHTS_NEAR_BYTES ? m : ROWS;

	assert(k > 0 && n > 0);
	round_rows(m, k, x, scratch);
	for (uint32_t row = 0; row < m; row += most)
		run_rows(dense, m - row < most ? m - row : most,
			(const uint16_t *)scratch + (size_t)row * bf16_tiled(k),
			y + (size_t)row * n);
}
