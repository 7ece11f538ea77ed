// SPDX-License-Identifier: BSD-3-Clause
// 32 rows x 64 columns by the tiles of AMX: each product of tiles is 16 rows x 16 columns x 64
// inputs. Rows so wide that 32 of them do not fit beside the weights go to the kernel without.
#define AMX_PRODUCT _tile_dpbusd
#include "infer/kernels/quantise/qdense_store_avx512.h"
#include "infer/kernels/vec/amx.h"

#include <assert.h>

#define K_MAX 1024

// Rows of x as the tiles read them, [rows][qdense_tiled(k)], unsigned, 0 beyond k.
static void qdense_lay_out(const struct qdense *dense, uint32_t rows, const uint8_t *x, uint8_t *to)
{
	const __m512i flip = _mm512_set1_epi8(dense->x_signed ? (char)0x80 : 0);
	const uint32_t k = dense->k;

	for (; rows > 0; rows--, x += k) {
		for (uint32_t i = 0; i < k; i += 64, to += 64) {
			const __mmask64 mask = _bzhi_u64(~UINT64_C(0), k - i < 64 ? k - i : 64);
			const __m512i bytes = _mm512_maskz_loadu_epi8(mask, x + i);

			_mm512_store_si512(
				to, _mm512_maskz_mov_epi8(mask, _mm512_xor_si512(bytes, flip)));
		}
	}
}

static inline __attribute__((always_inline)) void qdense_store_rows(const struct qdense *dense,
	const int32_t *sums, uint32_t rows, void *y, uint32_t column, const uint32_t panels)
{
	const size_t panel_bytes = qdense_panel_bytes(dense->k);
	const char *panel = (const char *)dense->packed + column / QDENSE_PANEL * panel_bytes;
	__m512 multiplier[4];

#pragma GCC unroll 4
	for (uint32_t p = 0; p < panels; p++)
		multiplier[p] = _mm512_loadu_ps(panel + p * panel_bytes + 64);
	for (uint32_t r = 0; r < rows; r++, sums += AMX_COLUMNS) {
		__m512i row[4];

#pragma GCC unroll 4
		for (uint32_t p = 0; p < panels; p++)
			row[p] = _mm512_load_si512(sums + (size_t)p * 16);
		qdense_store_row(dense, y, r, column, panels, row, multiplier);
	}
}

static void qdense_store_amxint8(const struct qdense *dense, const int32_t *sums, uint32_t rows,
	void *y, uint32_t column, uint32_t panels)
{
	if (panels == 4)
		qdense_store_rows(dense, sums, rows, y, column, 4);
	else if (panels == 3)
		qdense_store_rows(dense, sums, rows, y, column, 3);
	else if (panels == 2)
		qdense_store_rows(dense, sums, rows, y, column, 2);
	else
		qdense_store_rows(dense, sums, rows, y, column, 1);
}

// `count` rows from `first`; x and y are those of the first.
static void qdense_run_rows(const struct qdense *dense, const struct qdense_rows *rows,
	uint32_t first, uint32_t count, const uint8_t *x, void *y)
{
	_Alignas(64) uint8_t laid[AMX_ROWS * K_MAX];
	_Alignas(64) int32_t sums[AMX_ROWS * AMX_COLUMNS];
	const uint32_t k = dense->k, n = dense->n;
	struct amx_operands from = { .x = (const char *)laid,
		.row_bytes = qdense_tiled(k),
		.panel = dense->packed,
		.panel_bytes = qdense_panel_bytes(k),
		.head_bytes = (size_t)QDENSE_PANEL * 8,
		.blocks = qdense_tiled(k) / 64 };

	qdense_lay_out(dense, count, x, laid);
	for (uint32_t column = 0; column < n; column += AMX_COLUMNS) {
		const uint32_t columns = n - column < AMX_COLUMNS ? n - column : AMX_COLUMNS;
		const uint32_t panels = (columns + QDENSE_PANEL - 1) / QDENSE_PANEL;

		amx_multiply_panels(from, count, panels, sums);
		if (dense->epilogue)
			qdense_finish_tile(
				dense, rows, first, count, x, sums, AMX_COLUMNS, y, column);
		else
			qdense_store_amxint8(dense, sums, count, y, column, panels);
		from.panel += panels * from.panel_bytes;
	}
}

void q8_dense_32x64__amxint8(const struct qdense *dense, uint32_t m, const uint8_t *x,
	const struct qdense_rows *rows, void *y)
{
	const size_t y_bytes = dense->n * qdense_y_bytes(dense);
	uint32_t configured = 0;

	assert(dense->k >= 1 && dense->n >= 1);
	if (dense->k > K_MAX) {
		q8_dense_6x64__avx512vnni(dense, m, x, rows, y);
		return;
	}
	for (uint32_t row = 0; row < m; row += AMX_ROWS) {
		const uint32_t count = m - row < AMX_ROWS ? m - row : AMX_ROWS;

		if (count != configured)
			amx_configure(count);
		configured = count;
		qdense_run_rows(dense, rows, row, count, x + (size_t)row * dense->k,
			(char *)y + row * y_bytes);
	}
	if (configured > 0)
		_tile_release();
}
