// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/kernels/elementwise/prelu.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/vec/vec.h"

#ifdef VEC_WIDTH

VEC_INLINE vec prelu_one(vec x, vec slope)
{
	return vec_pick(vec_less(x, vec_set1(0.0f)), vec_mul(x, slope), x);
}

void VEC_NAME(f32_prelu)(const struct prelu *prelu, uint32_t m, const float *x, float *y)
{
	const uint32_t columns = prelu->columns, whole = columns - columns % VEC_WIDTH;
	const vec_mask rest = vec_first(columns - whole);

	for (uint32_t row = 0; row < m; row++, x += columns, y += columns) {
		for (uint32_t c = 0; c < whole; c += VEC_WIDTH)
			vec_store(y + c, prelu_one(vec_load(x + c), vec_load(prelu->slope + c)));
		if (whole < columns)
			vec_store_mask(y + whole, rest,
				prelu_one(vec_load_mask(x + whole, rest),
					vec_load_mask(prelu->slope + whole, rest)));
	}
}

#endif
