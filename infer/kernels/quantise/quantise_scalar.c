// SPDX-License-Identifier: BSD-3-Clause
// Quantising, dynamically or not, and dequantising: the tables, and the scalar kernels, which are
// the truth for the others.
#include "infer/kernels/quantise/quantise.h"

#include <math.h>

void f32_quantise__scalar(const struct quantise *quantise, size_t count, const float *x, uint8_t *y)
{
	const float low = quantise->is_signed ? -128.0f : 0.0f, high = low + 255.0f;

	for (size_t i = 0; i < count; i++) {
		float q = nearbyintf(x[i] / quantise->scale) + (float)quantise->zero;

		q = q > low ? q : q <= low ? low : 0.0f;
		q = q < high ? q : high;
		y[i] = (uint8_t)(int32_t)q;
	}
}

void f32_dynamic_quantise__scalar(
	uint32_t m, uint32_t k, const float *x, uint8_t *y, float *scale, uint8_t *zero)
{
	for (uint32_t row = 0; row < m; row++, x += k, y += k) {
		struct quantise quantise = { .scale = 1.0f };
		float low = 0.0f, high = 0.0f, q;

		for (uint32_t i = 0; i < k; i++) {
			low = x[i] < low ? x[i] : low;
			high = x[i] > high ? x[i] : high;
		}
		if (high > low)
			quantise.scale = (high - low) / 255.0f;
		q = nearbyintf(-low / quantise.scale);
		quantise.zero = q > 0.0f ? (int32_t)fminf(q, 255.0f) : 0;
		f32_quantise__scalar(&quantise, k, x, y);
		scale[row] = quantise.scale;
		zero[row] = (uint8_t)quantise.zero;
	}
}

void f32_dequantise__scalar(
	const struct quantise *quantise, size_t count, const uint8_t *x, float *y)
{
	for (size_t i = 0; i < count; i++) {
		const int32_t q = quantise->is_signed ? (int8_t)x[i] : x[i];

		y[i] = (float)(q - quantise->zero) * quantise->scale;
	}
}

KERNEL_TABLE_DEFINE(quantise, QUANTISE, KERNEL_ENTRY)
KERNEL_TABLE_DEFINE(dynamic_quantise, DYNAMIC_QUANTISE, KERNEL_ENTRY)
KERNEL_TABLE_DEFINE(dequantise, DEQUANTISE, KERNEL_ENTRY)
