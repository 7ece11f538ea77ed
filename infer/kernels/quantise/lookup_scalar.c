// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/quantise/lookup.h"

void q8_lookup__scalar(const uint8_t *table, size_t count, const uint8_t *x, uint8_t *y)
{
	for (size_t i = 0; i < count; i++)
		y[i] = table[x[i]];
}

KERNEL_TABLE_DEFINE(lookup, LOOKUP, KERNEL_ENTRY)
