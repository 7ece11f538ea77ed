// SPDX-License-Identifier: BSD-3-Clause
// Up to 8 values a row: each group of 8 lanes takes one row, so AVX-512 takes two rows at once.
// Longer rows: one row at a time, in three passes.
#pragma once

#include "infer/kernels/kernels.h"
#include "infer/kernels/vec_math.h"

#include <assert.h>

#ifdef VEC_WIDTH

// From rows' largest values and sums, both in every lane, to scores. e = exp(x - max).
VEC_INLINE vec softmax_scores(bool log, vec below, vec e, vec sum)
{
	return log ? vec_sub(below, vec_log(sum)) : vec_div(e, sum);
}

VEC_INLINE vec softmax_group(bool log, vec x)
{
	vec below = vec_sub(x, vec_max_in8(x)), e = vec_exp(below);

	return softmax_scores(log, below, e, vec_sum_in8(e));
}

VEC_INLINE void softmax_narrow(bool log, uint32_t n, uint32_t m, const float *x, float *y)
{
	const vec pad = vec_set1(-__builtin_inff());
	uint32_t row = 0;

	for (; row + VEC_WIDTH / 8 <= m;
		row += VEC_WIDTH / 8, x += n * (VEC_WIDTH / 8), y += n * (VEC_WIDTH / 8))
		vec_store_in8(y, n, softmax_group(log, vec_load_in8(x, n, pad)));
	for (; row < m; row++, x += n, y += n) {
		vec_mask mask = vec_first(n);

		vec_store_mask(
			y, mask, softmax_group(log, vec_pick(mask, vec_load_mask(x, mask), pad)));
	}
}

VEC_INLINE void softmax_wide(bool log, uint32_t n, const float *x, float *y)
{
	const uint32_t whole = n - n % VEC_WIDTH;
	const vec_mask rest = vec_first(n - whole);
	const vec low = vec_set1(-__builtin_inff());
	vec max = vec_pick(rest, vec_load_mask(x + whole, rest), low), sum, e;

	for (uint32_t i = 0; i < whole; i += VEC_WIDTH)
		max = vec_max(max, vec_load(x + i));
	max = vec_set1(vec_max_of(max));
	e = vec_exp(vec_sub(vec_pick(rest, vec_load_mask(x + whole, rest), low), max));
	sum = vec_pick(rest, e, vec_set1(0.0f));
	for (uint32_t i = 0; i < whole; i += VEC_WIDTH) {
		vec part = vec_exp(vec_sub(vec_load(x + i), max));

		sum = vec_add(sum, part);
		if (!log)
			vec_store(y + i, part);
	}
	sum = vec_set1(vec_sum(sum));
	if (log)
		sum = vec_log(sum);
	for (uint32_t i = 0; i < whole; i += VEC_WIDTH)
		vec_store(y + i,
			log ? vec_sub(vec_sub(vec_load(x + i), max), sum)
			    : vec_div(vec_load(y + i), sum));
	if (whole < n)
		vec_store_mask(y + whole, rest,
			log ? vec_sub(vec_sub(vec_load_mask(x + whole, rest), max), sum)
			    : vec_div(e, sum));
}

void VEC_NAME(f32_softmax)(const struct softmax *softmax, uint32_t m, const float *x, float *y)
{
	const uint32_t n = softmax->n;

	assert(n > 0 && softmax->inner > 0);
	if (softmax->inner != 1)
		f32_softmax__scalar(softmax, m, x, y);
	else if (n <= 8 && softmax->log)
		softmax_narrow(true, n, m, x, y);
	else if (n <= 8)
		softmax_narrow(false, n, m, x, y);
	else if (softmax->log)
		for (uint32_t row = 0; row < m; row++)
			softmax_wide(true, n, x + (size_t)row * n, y + (size_t)row * n);
	else
		for (uint32_t row = 0; row < m; row++)
			softmax_wide(false, n, x + (size_t)row * n, y + (size_t)row * n);
}

#endif
