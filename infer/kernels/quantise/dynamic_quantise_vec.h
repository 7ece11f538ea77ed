// SPDX-License-Identifier: BSD-3-Clause
// DynamicQuantizeLinear: finds each row's range, VEC_WIDTH values at a time, and then quantises the
// row by it.
#pragma once

#include "infer/kernels/quantise/qdense.h"
#include "infer/kernels/quantise/quantise.h"
#include "infer/kernels/vec/vec.h"

#include <math.h>

#ifdef VEC_WIDTH

// The range from the maxima of the values and of the negated values. Where one is NaN vec_max()
// returns the other operand.
VEC_INLINE struct quantise dynamic_quantise_range(uint32_t k, const float *x)
{
	const uint32_t whole = k - k % VEC_WIDTH;
	const vec none = vec_set1(0.0f);
	const vec rest = vec_load_mask(x + whole, vec_first(k - whole));
	vec high = vec_max(rest, none), depth = vec_max(vec_sub(none, rest), none);
	struct quantise quantise = { .scale = 1.0f };
	float top, bottom, q;

	for (uint32_t i = 0; i < whole; i += VEC_WIDTH) {
		const vec v = vec_load(x + i);

		high = vec_max(v, high);
		depth = vec_max(vec_sub(none, v), depth);
	}
	top = vec_max_of(high);
	bottom = vec_max_of(depth);
	if (top + bottom > 0.0f)
		quantise.scale = (top + bottom) / 255.0f;
	q = nearbyintf(bottom / quantise.scale);
	quantise.zero = q > 0.0f ? (int32_t)(q < 255.0f ? q : 255.0f) : 0;
	return quantise;
}

void VEC_NAME(f32_dynamic_quantise)(
	uint32_t m, uint32_t k, const float *x, uint8_t *y, float *scale, uint8_t *zero)
{
	for (uint32_t row = 0; row < m; row++, x += k, y += k) {
		const struct quantise quantise = dynamic_quantise_range(k, x);

		VEC_NAME(f32_quantise)(&quantise, k, x, y);
		scale[row] = quantise.scale;
		zero[row] = (uint8_t)quantise.zero;
	}
}

#endif
