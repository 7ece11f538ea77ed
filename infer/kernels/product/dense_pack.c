// SPDX-License-Identifier: BSD-3-Clause
// Layouts of dense weights. Blocks begin with the bias, so that a kernel starts its accumulators
// with the same loads that it reads weights with; columns beyond n are zero, so no kernel reads
// past the end.
//
// panel64: in the order in which a kernel that takes 64 columns at once reads them.
//
// panel16k2: panels of 16 columns, each [1 + ceil(k / 2)][2 vectors of 16 floats]. A vector holds 8
// columns times 2 rows of the weights, (column, row) pairs adjacent, so that one 64-bit
// broadcast of two inputs serves both: half the broadcasts, and two independent sums per column.
// In the first vector 128-bit lane i holds columns 4i and 4i + 1, in the second 4i + 2 and 4i + 3;
// one shuffle of even and one of odd elements then bring the sums into natural order. If at most 8
// columns are left, the last panel has one vector a row, columns in natural order.
//
// panel64k2: panels of 64 columns, each [1 + ceil(k / 2)][8 vectors], two for every 16 columns as
// above; the last panel has as many as it needs, one if at most 8 columns are left for it.
#include "base/align.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/product/dense.h"

#include <assert.h>
#include <string.h>

size_t dense_plain_bytes(uint32_t k, uint32_t n)
{
	return ((size_t)k + 1) * n * sizeof(float);
}

void dense_plain_pack(void *packed, const float *w, const float *b, uint32_t k, uint32_t n)
{
	float *to = packed;

	assert(k > 0 && n > 0);
	if (b)
		memcpy(to, b, n * sizeof(float));
	else
		memset(to, 0, n * sizeof(float));
	memcpy(to + n, w, (size_t)k * n * sizeof(float));
}

size_t dense_panel16_bytes(uint32_t k, uint32_t n)
{
	return align_up(n, 16) * ((size_t)k + 1) * sizeof(float);
}

void dense_panel16_pack(void *packed, const float *w, const float *b, uint32_t k, uint32_t n)
{
	float *to = packed;

	assert(k > 0 && n > 0);
	memset(packed, 0, dense_panel16_bytes(k, n));
	for (uint32_t column = 0; column < n; column += 16) {
		uint32_t width = n - column < 16 ? n - column : 16;

		if (b)
			memcpy(to, b + column, width * sizeof(float));
		to += 16;
		for (uint32_t row = 0; row < k; row++, to += 16)
			memcpy(to, w + (size_t)row * n + column, width * sizeof(float));
	}
}

// Vectors in a row of a panel of pairs.
static uint32_t dense_pair_vectors(uint32_t columns)
{
	return columns <= 8 ? 1 : (columns + 15) / 16 * 2;
}

// The index of a column's pair in such a row.
static uint32_t dense_pair_at(uint32_t column, uint32_t vectors)
{
	uint32_t in16 = column % 16, lane = in16 / 4, second = in16 / 2 % 2;

	if (vectors == 1)
		return column * 2;
	return column / 16 * 32 + second * 16 + lane * 4 + column % 2 * 2;
}

static size_t dense_pairs_bytes(uint32_t k, uint32_t n, uint32_t panel)
{
	size_t vectors = (size_t)(n / panel) * (panel / 8);

	if (n % panel)
		vectors += dense_pair_vectors(n % panel);
	return vectors * (((size_t)k + 1) / 2 + 1) * 16 * sizeof(float);
}

static void dense_pairs_pack(
	float *to, const float *w, const float *b, uint32_t k, uint32_t n, uint32_t panel)
{
	assert(k > 0 && n > 0);
	memset(to, 0, dense_pairs_bytes(k, n, panel));
	for (uint32_t column = 0; column < n; column += panel) {
		uint32_t width = n - column < panel ? n - column : panel;
		size_t row_floats = (size_t)dense_pair_vectors(width) * 16;

		for (uint32_t c = 0; c < width; c++) {
			float *pair = to + dense_pair_at(c, dense_pair_vectors(width));

			pair[0] = b ? b[column + c] : 0.0f;
			for (uint32_t row = 0; row < k; row++)
				pair[(row / 2 + 1) * row_floats + row % 2] =
					w[(size_t)row * n + column + c];
		}
		to += (((size_t)k + 1) / 2 + 1) * row_floats;
	}
}

size_t dense_panel16k2_bytes(uint32_t k, uint32_t n)
{
	return dense_pairs_bytes(k, n, 16);
}

void dense_panel16k2_pack(void *packed, const float *w, const float *b, uint32_t k, uint32_t n)
{
	dense_pairs_pack(packed, w, b, k, n, 16);
}

size_t dense_panel64k2_bytes(uint32_t k, uint32_t n)
{
	return dense_pairs_bytes(k, n, 64);
}

void dense_panel64k2_pack(void *packed, const float *w, const float *b, uint32_t k, uint32_t n)
{
	dense_pairs_pack(packed, w, b, k, n, 64);
}

size_t dense_panel64_bytes(uint32_t k, uint32_t n)
{
	return dense_panel16_bytes(k, n);
}

void dense_panel64_pack(void *packed, const float *w, const float *b, uint32_t k, uint32_t n)
{
	float *to = packed;

	assert(k > 0 && n > 0);
	memset(packed, 0, dense_panel64_bytes(k, n));
	for (uint32_t column = 0; column < n; column += 64) {
		uint32_t width = n - column < 64 ? n - column : 64;
		uint32_t padded = align_up_u32(width, 16);

		if (b)
			memcpy(to, b + column, width * sizeof(float));
		to += padded;
		for (uint32_t row = 0; row < k; row++, to += padded)
			memcpy(to, w + (size_t)row * n + column, width * sizeof(float));
	}
}
