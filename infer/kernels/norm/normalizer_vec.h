// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/kernels/kernels.h"
#include "infer/kernels/norm/normalizer.h"
#include "infer/kernels/vec/vec.h"

#include <assert.h>
#include <float.h>
#include <math.h>

#ifdef VEC_WIDTH

VEC_INLINE vec normalizer_add(enum norm norm, vec total, vec x)
{
	if (norm == NORM_MAX)
		return vec_max(x, total); // in this order a NaN in x is passed over
	return norm == NORM_L1 ? vec_add(total, vec_abs(x)) : vec_fma(x, x, total);
}

VEC_INLINE float normalizer_norm(enum norm norm, uint32_t n, const float *x)
{
	const uint32_t whole = n - n % VEC_WIDTH;
	const vec_mask rest = vec_first(n - whole);
	const vec start = vec_set1(norm == NORM_MAX ? -FLT_MAX : 0.0f);
	vec total =
		normalizer_add(norm, start, vec_pick(rest, vec_load_mask(x + whole, rest), start));

	for (uint32_t i = 0; i < whole; i += VEC_WIDTH)
		total = normalizer_add(norm, total, vec_load(x + i));
	if (norm == NORM_MAX)
		return vec_max_of(total);
	return norm == NORM_L1 ? vec_sum(total) : sqrtf(vec_sum(total));
}

VEC_INLINE void normalizer_rows(enum norm kind, uint32_t n, uint32_t m, const float *x, float *y)
{
	const uint32_t whole = n - n % VEC_WIDTH;
	const vec_mask rest = vec_first(n - whole);

	for (uint32_t row = 0; row < m; row++, x += n, y += n) {
		float norm = normalizer_norm(kind, n, x);
		vec divisor = vec_set1(norm != 0.0f ? norm : 1.0f);

		for (uint32_t i = 0; i < whole; i += VEC_WIDTH)
			vec_store(y + i, vec_div(vec_load(x + i), divisor));
		if (whole < n)
			vec_store_mask(
				y + whole, rest, vec_div(vec_load_mask(x + whole, rest), divisor));
	}
}

void VEC_NAME(f32_normalizer)(
	const struct normalizer *normalizer, uint32_t m, const float *x, float *y)
{
	assert(normalizer->n > 0 && normalizer->norm < NORM_COUNT);
	if (normalizer->norm == NORM_MAX)
		normalizer_rows(NORM_MAX, normalizer->n, m, x, y);
	else if (normalizer->norm == NORM_L1)
		normalizer_rows(NORM_L1, normalizer->n, m, x, y);
	else
		normalizer_rows(NORM_L2, normalizer->n, m, x, y);
}

#endif
