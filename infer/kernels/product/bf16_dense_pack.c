// SPDX-License-Identifier: BSD-3-Clause
// How the weights of bf16_dense.h lie in memory, the same for all variants.
#include "infer/kernels/product/bf16_dense.h"

#include <assert.h>

size_t bf16_dense_packed_bytes(uint32_t k, uint32_t n)
{
	return ((size_t)n + BF16_PANEL - 1) / BF16_PANEL * bf16_panel_bytes(k);
}

void bf16_dense_pack(void *packed, const float *w, const float *b, uint32_t k, uint32_t n)
{
	char *panel = packed;

	assert(k > 0 && n > 0);
	memset(packed, 0, bf16_dense_packed_bytes(k, n));
	for (uint32_t column = 0; column < n; column += BF16_PANEL, panel += bf16_panel_bytes(k)) {
		const uint32_t width = n - column < BF16_PANEL ? n - column : BF16_PANEL;
		uint16_t *pairs = (uint16_t *)(void *)(panel + BF16_PANEL * sizeof(float));

		if (b)
			memcpy(panel, b + column, width * sizeof(float));
		for (uint32_t i = 0; i < k; i++) {
			for (uint32_t c = 0; c < width; c++)
				pairs[(i / 2 * BF16_PANEL + c) * 2 + i % 2] =
					bf16_of(w[(size_t)i * n + column + c]);
		}
	}
}
