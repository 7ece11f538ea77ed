// SPDX-License-Identifier: BSD-3-Clause
// The dense layer as its formula says: the truth for the other variants.
#include "infer/graph/act.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/product/dense.h"

#include <assert.h>
#include <string.h>

// Sums at a time: as many values of a row of the weights are read in order, for so many rows of x. Each
// sum has its terms in the order of the inputs, whatever the block.
#define DENSE_COLUMNS 64
#define DENSE_ROWS    4

// w [k][dense->n]; sums [rows][columns], which begin with the bias. Whole blocks have loops of constant
// length, which compilers make vectors of.
static inline void dense_block(const struct dense *dense, const float *w, uint32_t rows,
	uint32_t columns, const float *x, size_t ldx, float (*restrict sums)[DENSE_COLUMNS])
{
	for (uint32_t i = 0; i < dense->k; i++, w += dense->n) {
		for (uint32_t r = 0; r < rows; r++) {
			const float value = x[r * ldx + i];

			for (uint32_t c = 0; c < columns; c++)
				sums[r][c] += value * w[c];
		}
	}
}

void f32_dense_1x1__scalar(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const float *bias = dense->packed;
	const float *w = bias + dense->n; // [k][n]

	assert(dense->k > 0 && dense->n > 0 && ldx >= dense->k && ldy >= dense->n);
	for (uint32_t row = 0; row < m; row += DENSE_ROWS, x += DENSE_ROWS * ldx) {
		const uint32_t rows = m - row < DENSE_ROWS ? m - row : DENSE_ROWS;

		for (uint32_t column = 0; column < dense->n; column += DENSE_COLUMNS) {
			const uint32_t left = dense->n - column;
			const uint32_t columns = left < DENSE_COLUMNS ? left : DENSE_COLUMNS;
			float sums[DENSE_ROWS][DENSE_COLUMNS];

			for (uint32_t r = 0; r < rows; r++)
				memcpy(sums[r], bias + column, columns * sizeof(**sums));
			if (columns == DENSE_COLUMNS)
				dense_block(dense, w + column, rows, DENSE_COLUMNS, x, ldx, sums);
			else
				dense_block(dense, w + column, rows, columns, x, ldx, sums);
			for (uint32_t r = 0; r < rows; r++) {
				for (uint32_t c = 0; c < columns; c++)
					y[(row + r) * ldy + column + c] =
						act_f32(&dense->act, sums[r][c]);
			}
		}
	}
}

KERNEL_TABLE_DEFINE(dense, DENSE, KERNEL_ENTRY_PACKED)

unsigned dense_order(const struct dense_kernel *kernel)
{
	if (kernel->pack == dense_panel16_pack) // input by input
		return kernel->isa & ISA_AVX512 ? 1 : 0;
	return 2 + (unsigned)(kernel - DENSE_KERNELS); // sums of its own
}

const struct dense_kernel *dense_pick(unsigned isa_mask, uint32_t m, uint32_t k, uint32_t n)
{
	const struct dense_kernel *best = &DENSE_KERNELS[0];

	for (uint32_t i = 1; i < DENSE_TABLE.count; i++) {
		const struct dense_kernel *kernel = &DENSE_KERNELS[i];

		if (!kernel_allowed(kernel->isa, isa_mask))
			continue;
		// One row is best run by a kernel made for that. Up to 8 columns fill only half of
		// a vector of 16, except with pairs of weights.
		if (m == 1 ? kernel->tile_rows == 1
			   : (n > 8 || kernel->pack == dense_panel16k2_pack ||
				     !(best->isa & ISA_AVX512)))
			best = kernel;
	}
	return best;
}
