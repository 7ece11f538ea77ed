// SPDX-License-Identifier: BSD-3-Clause
// The table, and the layer as its formula says: the truth for the other variants.
#include "infer/graph/act.h"
#include "infer/kernels/product/bf16_dense.h"
#include "infer/kernels/product/dense.h"

#include <assert.h>

KERNEL_TABLE_DEFINE(bf16_dense, BF16_DENSE, KERNEL_ENTRY)

// One value: column c of a panel times a row of whole pairs.
static float bf16_product(const float *x, const void *panel, uint32_t k, uint32_t c)
{
	const uint16_t *w = (const uint16_t *)panel + BF16_PANEL * 2;
	float sum[2] = { ((const float *)panel)[c], 0.0f };

	for (uint32_t pair = 0; pair < bf16_padded(k) / 2; pair++) {
		const uint16_t *pairs = w + (pair * BF16_PANEL + c) * 2;

		sum[pair % 2] += x[pair * 2 + 1] * bf16_to(pairs[1]);
		sum[pair % 2] += x[pair * 2] * bf16_to(pairs[0]);
	}
	return sum[0] + sum[1];
}

void bf16_dense_1x1__scalar(
	const struct dense *dense, uint32_t m, const float *x, float *y, void *scratch)
{
	const uint32_t k = dense->k, n = dense->n;
	float *rounded = scratch;

	assert(k > 0 && n > 0);
	for (; m > 0; m--, x += k, y += n) {
		for (uint32_t i = 0; i < bf16_padded(k); i++)
			rounded[i] = i < k ? bf16_to(bf16_of(x[i])) : 0.0f;
		for (uint32_t c = 0; c < n; c++) {
			const char *panel =
				(const char *)dense->packed + c / BF16_PANEL * bf16_panel_bytes(k);

			y[c] = act_f32(
				&dense->act, bf16_product(rounded, panel, k, c % BF16_PANEL));
		}
	}
}
