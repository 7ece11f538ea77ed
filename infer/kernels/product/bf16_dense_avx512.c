// SPDX-License-Identifier: BSD-3-Clause
// 5 rows x 32 columns, or 10 x 16: 20 sums of 32 registers.
#include "infer/kernels/product/bf16_dense_vec.h"

#include "infer/kernels/product/bf16_dense_tiles_avx512.h"
#include "infer/kernels/product/dense.h"

void bf16_dense_5x32__avx512(
	const struct dense *dense, uint32_t m, const float *x, float *y, void *scratch)
{
	bf16_dense_run(dense, TILES, m, x, y, scratch);
}
