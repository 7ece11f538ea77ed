// SPDX-License-Identifier: BSD-3-Clause
// Up to 2 rows by one panel: products of bytes, added in pairs; the two sums of a column are added
// at the end. Rows are read as int8, as x - 128 where they are unsigned. The bias of a panel
// expects bytes from 0 to 255, so 128 times the sum of its weights is added.
#include "infer/kernels/quantise/qdense_epilogue.h"

#include <arm_neon.h>
#include <assert.h>
#include <string.h>

static inline int8x16_t qdense_load_four_neon(const uint8_t *x, uint32_t count, uint32_t flip)
{
	uint32_t bytes = 0;

	if (count >= 4)
		memcpy(&bytes, x, sizeof(bytes));
	else
		memcpy(&bytes, x, count);
	return vreinterpretq_s8_u32(vdupq_n_u32(bytes ^ flip));
}

// Stores `count` of 4 columns, from value `at` of y.
static inline void qdense_store_neon(const struct qdense *dense, void *y, size_t at, uint32_t count,
	int32x4_t sum, float32x4_t multiplier)
{
	const float32x4_t low = vdupq_n_f32((float)(dense->low - dense->zero));
	const float32x4_t high = vdupq_n_f32((float)(dense->high - dense->zero));
	float32x4_t v = vmulq_f32(vcvtq_f32_s32(sum), multiplier);
	int32_t whole[4];

	if (qdense_y_bytes(dense) > 1) {
		if (!qdense_keeps_sums(dense))
			sum = vreinterpretq_s32_f32(v);
		vst1q_s32(whole, sum);
		memcpy((int32_t *)y + at, whole, count * sizeof(*whole));
		return;
	}
	v = vbslq_f32(vcgtq_f32(v, low), v, low); // NaN is low
	v = vbslq_f32(vcltq_f32(v, high), v, high);
	vst1q_s32(whole, vaddq_s32(vcvtnq_s32_f32(v), vdupq_n_s32(dense->zero)));
	for (uint32_t i = 0; i < count; i++)
		((uint8_t *)y)[at + i] = (uint8_t)whole[i];
}

// The initial sums of a panel's columns.
static void qdense_begin(const struct qdense *dense, const char *panel, int32x4_t first[4])
{
	const int8_t *w = (const int8_t *)panel + QDENSE_PANEL * 8;
	int32x4_t sum[8];

	for (uint32_t q = 0; q < 8; q++)
		sum[q] = vdupq_n_s32(0);
	for (uint32_t i = 0; i < dense->k; i += 4, w += 64) {
		for (uint32_t q = 0; q < 8; q++)
			sum[q] = vpadalq_s16(sum[q], vshll_n_s8(vld1_s8(w + q * 8), 7));
	}
	for (uint32_t q = 0; q < 4; q++)
		first[q] = vaddq_s32(vld1q_s32((const int32_t *)panel + q * 4),
			vpaddq_s32(sum[q * 2], sum[q * 2 + 1]));
}

static inline __attribute__((always_inline)) void qdense_tile_neon(const struct qdense *dense,
	uint32_t rows, const uint8_t *x, void *y, uint32_t column, const char *panel,
	const int32x4_t first[4])
{
	const uint32_t flip = dense->x_signed ? 0 : 0x80808080u, left = dense->n - column;
	const int8_t *w = (const int8_t *)panel + QDENSE_PANEL * 8;
	const float *multiplier = (const float *)(const void *)panel + QDENSE_PANEL;
	int32x4_t sum[2][8];

#pragma GCC unroll 8
	for (uint32_t i = 0; i < rows * 8; i++)
		sum[i / 8][i % 8] = vdupq_n_s32(0);
	for (uint32_t i = 0; i < dense->k; i += 4, w += 64) {
		int8x16_t v[2];

#pragma GCC unroll 2
		for (uint32_t r = 0; r < rows; r++)
			v[r] = qdense_load_four_neon(
				x + (size_t)r * dense->k + i, dense->k - i, flip);
#pragma GCC unroll 8
		for (uint32_t q = 0; q < 8; q++) {
			const int8x8_t eight = vld1_s8(w + q * 8);

#pragma GCC unroll 2
			for (uint32_t r = 0; r < rows; r++)
				sum[r][q] =
					vpadalq_s16(sum[r][q], vmull_s8(vget_low_s8(v[r]), eight));
		}
	}
#pragma GCC unroll 2
	for (uint32_t r = 0; r < rows; r++) {
#pragma GCC unroll 4
		for (uint32_t q = 0; q < 4; q++) {
			const uint32_t at = q * 4;

			if (at < left)
				qdense_store_neon(dense, y, (size_t)r * dense->n + column + at,
					left - at < 4 ? left - at : 4,
					vaddq_s32(first[q],
						vpaddq_s32(sum[r][q * 2], sum[r][q * 2 + 1])),
					vld1q_f32(multiplier + at));
		}
	}
}

void q8_dense_2x16__neon(const struct qdense *dense, uint32_t m, const uint8_t *x,
	const struct qdense_rows *rows, void *y)
{
	const size_t panel_bytes = qdense_panel_bytes(dense->k);
	const size_t y_bytes = dense->n * qdense_y_bytes(dense);
	const char *panel = dense->packed;

	assert(dense->k >= 1 && dense->n >= 1);
	for (uint32_t column = 0; column < dense->n && m > 0; column += QDENSE_PANEL) {
		int32x4_t first[4];
		uint32_t row = 0;

		qdense_begin(dense, panel, first);
		for (; row + 2 <= m; row += 2)
			qdense_tile_neon(dense, 2, x + (size_t)row * dense->k,
				(char *)y + row * y_bytes, column, panel, first);
		if (row < m)
			qdense_tile_neon(dense, 1, x + (size_t)row * dense->k,
				(char *)y + row * y_bytes, column, panel, first);
		panel += panel_bytes;
	}
	if (dense->epilogue)
		qdense_finish(dense, rows, 0, m, x, y);
}
