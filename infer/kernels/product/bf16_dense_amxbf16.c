// SPDX-License-Identifier: BSD-3-Clause
// 32 rows x 64 columns by the tiles of AMX: each product of tiles is 16 rows x 16 columns x 32
// inputs.
#define AMX_PRODUCT _tile_dpbf16ps
#include "infer/graph/act.h"
#include "infer/kernels/product/bf16_dense.h"
#include "infer/kernels/product/dense.h"
#include "infer/kernels/product/dense_finish.h"
#include "infer/kernels/vec/amx.h"

#include <assert.h>

#define ROWS               32
#define COLUMNS            64
#define WEIGHTS_NEAR_BYTES ((size_t)1 << 18)

// Rows of x as the tiles read them, [m][bf16_tiled(k)], 0 beyond k.
static void bf16_amx_round_rows(uint32_t m, uint32_t k, const float *x, uint16_t *to)
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

static inline __attribute__((always_inline)) void bf16_amx_store_rows(const struct act *act,
	const float *sums, uint32_t rows, float *y, uint32_t ldy, uint32_t columns, const int vecs)
{
	for (uint32_t r = 0; r < rows; r++, sums += AMX_COLUMNS, y += ldy) {
		vec row[4];

		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			row[j] = vec_load(sums + j * VEC_WIDTH);
		dense_store(act, y, row, vecs, columns);
	}
}

static void bf16_amx_store(
	const struct dense *dense, const float *sums, uint32_t rows, float *y, uint32_t columns)
{
	const struct act *act = &dense->act;
	const uint32_t n = dense->n;

	if (columns > 48)
		bf16_amx_store_rows(act, sums, rows, y, n, columns, 4);
	else if (columns > 32)
		bf16_amx_store_rows(act, sums, rows, y, n, columns, 3);
	else if (columns > 16)
		bf16_amx_store_rows(act, sums, rows, y, n, columns, 2);
	else
		bf16_amx_store_rows(act, sums, rows, y, n, columns, 1);
	dense_finish(act, (int)rows, columns, y, n);
}

// `rows` rows of all columns.
static void bf16_amx_run_rows(
	const struct dense *dense, uint32_t rows, const uint16_t *rounded, float *y)
{
	_Alignas(64) union {
		int32_t bits[AMX_ROWS * AMX_COLUMNS];
		float floats[AMX_ROWS * AMX_COLUMNS];
	} sums;
	const uint32_t k = dense->k, n = dense->n;
	struct amx_operands from = { .row_bytes = bf16_tiled(k) * sizeof(*rounded),
		.panel_bytes = bf16_panel_bytes(k),
		.head_bytes = BF16_PANEL * sizeof(float),
		.blocks = bf16_tiled(k) / 32 };
	uint32_t configured = 0;

	for (uint32_t column = 0; column < n; column += AMX_COLUMNS) {
		const uint32_t columns = n - column < AMX_COLUMNS ? n - column : AMX_COLUMNS;

		from.panel = (const char *)dense->packed + column / BF16_PANEL * from.panel_bytes;
		for (uint32_t row = 0; row < rows; row += AMX_ROWS) {
			const uint32_t count = rows - row < AMX_ROWS ? rows - row : AMX_ROWS;

			if (count != configured)
				amx_configure(count);
			configured = count;
			from.x = (const char *)rounded + row * from.row_bytes;
			amx_multiply_panels(
				from, count, (columns + BF16_PANEL - 1) / BF16_PANEL, sums.bits);
			bf16_amx_store(
				dense, sums.floats, count, y + (size_t)row * n + column, columns);
		}
	}
	_tile_release();
}

void bf16_dense_32x64__amxbf16(
	const struct dense *dense, uint32_t m, const float *x, float *y, void *scratch)
{
	const uint32_t k = dense->k, n = dense->n;
	// Weights that are much larger than the caches are read once for all rows.
	const uint32_t most = bf16_dense_packed_bytes(k, n) > WEIGHTS_NEAR_BYTES ? m : AMX_ROWS;

	assert(k > 0 && n > 0);
	bf16_amx_round_rows(m, k, x, scratch);
	for (uint32_t row = 0; row < m; row += most)
		bf16_amx_run_rows(dense, m - row < most ? m - row : most,
			(const uint16_t *)scratch + (size_t)row * bf16_tiled(k),
			y + (size_t)row * n);
}
