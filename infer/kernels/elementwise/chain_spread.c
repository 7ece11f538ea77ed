// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/elementwise/chain_spread.h"

#include <string.h>

static float chain_value(const struct chain_spread *spread, const void *x, size_t at)
{
	return spread->bytes ? (float)((const uint8_t *)x)[at] : ((const float *)x)[at];
}

// A run along the last dimension, from where `at` is.
static void chain_run(
	const struct chain_spread *spread, const void *x, size_t at, uint32_t count, float *y)
{
	const int64_t stride = spread->strides[spread->rank - 1];

	if (!spread->bytes && stride == 1)
		memcpy(y, (const float *)x + at, count * sizeof(float));
	else if (stride == 0)
		for (uint32_t i = 0; i < count; i++)
			y[i] = chain_value(spread, x, at);
	else
		for (uint32_t i = 0; i < count; i++)
			y[i] = chain_value(spread, x, at + (size_t)(i * stride));
}

void chain_spread(
	const struct chain_spread *spread, const void *x, size_t first, uint32_t count, float *y)
{
	const uint32_t last = spread->rank - 1;
	size_t row = first / spread->row_values;
	uint32_t rest = (uint32_t)(first % spread->row_values), place[GRAPH_RANK_MAX] = { 0 };

	for (uint32_t d = spread->rank; d-- > 0; rest /= spread->dims[d])
		place[d] = rest % spread->dims[d];
	while (count > 0) {
		const uint32_t left = spread->dims[last] - place[last];
		const uint32_t run = left < count ? left : count;
		int64_t at = (int64_t)(row * spread->row_step) + spread->first;

		for (uint32_t d = 0; d <= last; d++)
			at += place[d] * spread->strides[d];
		chain_run(spread, x, (size_t)at, run, y);
		y += run;
		count -= run;
		place[last] += run;
		for (uint32_t d = last; d > 0 && place[d] == spread->dims[d]; d--) {
			place[d] = 0;
			place[d - 1]++;
		}
		if (place[0] == spread->dims[0]) {
			place[0] = 0;
			row++;
		}
	}
}
