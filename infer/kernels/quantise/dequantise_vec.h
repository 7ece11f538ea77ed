// SPDX-License-Identifier: BSD-3-Clause
// DequantizeLinear by one scale, VEC_WIDTH values at a time. Values and zero points are whole and
// small, so that floats subtract them exactly.
#pragma once

#include "infer/kernels/quantise/qdense.h"
#include "infer/kernels/quantise/quantise.h"
#include "infer/kernels/vec/vec.h"

#ifdef VEC_WIDTH

VEC_INLINE vec dequantise_some(const struct quantise *quantise, const uint8_t *x, uint32_t count)
{
	const vec q = quantise->is_signed ? vec_load_i8(x, count) : vec_load_u8(x, count);

	return vec_mul(vec_sub(q, vec_set1((float)quantise->zero)), vec_set1(quantise->scale));
}

void VEC_NAME(f32_dequantise)(
	const struct quantise *quantise, size_t count, const uint8_t *x, float *y)
{
	for (; count >= VEC_WIDTH; count -= VEC_WIDTH, x += VEC_WIDTH, y += VEC_WIDTH)
		vec_store(y, dequantise_some(quantise, x, VEC_WIDTH));
	if (count > 0)
		vec_store_mask(y, vec_first((uint32_t)count),
			dequantise_some(quantise, x, (uint32_t)count));
}

#endif
