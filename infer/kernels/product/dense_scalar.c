// SPDX-License-Identifier: BSD-3-Clause
// The dense layer as its formula says: the truth for the other variants.
#include "infer/graph/act.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/product/dense.h"

#include <assert.h>
#include <string.h>

#define DENSE_COLUMNS 64 // sums at a time: as many rows of the weights are read in order

void f32_dense_1x1__scalar(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const float *bias = dense->packed;
	const float *w = bias + dense->n; // [k][n]

	assert(dense->k > 0 && dense->n > 0 && ldx >= dense->k && ldy >= dense->n);
	for (uint32_t row = 0; row < m; row++, x += ldx, y += ldy) {
		for (uint32_t column = 0; column < dense->n; column += DENSE_COLUMNS) {
			const uint32_t left = dense->n - column;
			const uint32_t columns = left < DENSE_COLUMNS ? left : DENSE_COLUMNS;
			float sum[DENSE_COLUMNS];

			memcpy(sum, bias + column, columns * sizeof(*sum));
			for (uint32_t i = 0; i < dense->k; i++) {
				const float *weights = w + (size_t)i * dense->n + column;

				for (uint32_t c = 0; c < columns; c++)
					sum[c] += x[i] * weights[c];
			}
			for (uint32_t c = 0; c < columns; c++)
				y[column + c] = act_f32(&dense->act, sum[c]);
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
