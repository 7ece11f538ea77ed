// SPDX-License-Identifier: BSD-3-Clause
// Rows of up to SOFTMAX_SHORT_MAX values are computed VEC_WIDTH at once: transposed, so that a
// vector holds one column of all of them and no sum or maximum crosses lanes. The rows that are
// left over, and longer ones, are computed one at a time, in one vector or in three passes over
// several. Each way gives a row the same bits.
#pragma once

#include "infer/kernels/kernels.h"
#include "infer/kernels/norm/softmax.h"
#include "infer/kernels/vec/vec_math.h"

#include <assert.h>
#include <string.h>

#ifdef VEC_WIDTH

#define SOFTMAX_SHORT_MAX 16 // columns of a block; more do not fit in the registers

// Is a part of a block worth the copying that fills it up with zeros? Measured for 1 to 16 columns:
// row by row takes about 8 ns each, a part with all its rows 40 ns and 6 more for each column. So
// it pays from 9 rows of 2, 10 of 5, 12 of 10 columns on and never with 16 columns; in AVX2, where
// 8 rows are a whole block, never.
VEC_INLINE bool softmax_part_pays(uint32_t n, uint32_t rows)
{
	return rows >= 8 + n / 2;
}

// One row in one vector: n <= VEC_WIDTH.
VEC_INLINE void softmax_row(bool log, uint32_t n, const float *x, float *y)
{
	const vec_mask mask = vec_first(n);
	vec values = vec_pick(mask, vec_load_mask(x, mask), vec_set1(-__builtin_inff()));
	vec below = vec_sub(values, vec_max_across(values, n));
	vec e = vec_pick(mask, vec_exp_flushed(below), vec_set1(0.0f));
	vec sum = vec_sum_across(e, n);

	if (log)
		vec_store_mask(y, mask, vec_sub(below, vec_log(sum)));
	else
		vec_store_mask(y, mask, vec_mul(e, vec_div_across(vec_set1(1.0f), sum, n)));
}

// The sum of n columns, in the very order in which a row by itself adds its values up, so that a row's
// result does not depend on how many others there are: halves are added to each other, as
// vec_sum_across() adds them; where a row takes several vectors, those first. columns[n .. 15] are
// overwritten.
VEC_INLINE vec softmax_sum_columns(vec *column, uint32_t n)
{
	vec sum[8];

	for (uint32_t c = n; c < SOFTMAX_SHORT_MAX; c++)
		column[c] = vec_set1(0.0f);
#if VEC_WIDTH == 4
	if (n > VEC_WIDTH) {
		const uint32_t whole = n - n % VEC_WIDTH;

		for (uint32_t l = 0; l < 4; l++) {
			sum[l] = l < n - whole ? column[whole + l] : vec_set1(0.0f);
			for (uint32_t c = l; c < whole; c += VEC_WIDTH)
				sum[l] = vec_add(sum[l], column[c]);
		}
		return vec_add(vec_add(sum[0], sum[1]), vec_add(sum[2], sum[3]));
	}
#endif
	VEC_UNROLL
	for (uint32_t l = 0; l < 8; l++)
		sum[l] = n > 8 ? vec_add(column[l], column[l + 8]) : column[l];
	if (n > 4) {
		VEC_UNROLL
		for (uint32_t l = 0; l < 4; l++)
			sum[l] = vec_add(sum[l], sum[l + 4]);
	}
	return vec_add(vec_add(sum[0], sum[2]), vec_add(sum[1], sum[3]));
}

// VEC_WIDTH rows. Vector i of four starts with row i of four and has every fourth lane's quad of
// it: `step` floats from quad to quad.
VEC_INLINE void softmax_block(bool log, uint32_t n, const float *x, float *y)
{
	const size_t step = 4 * (size_t)n;
	vec column[SOFTMAX_SHORT_MAX], exps[SOFTMAX_SHORT_MAX], max, sum;

	for (uint32_t first = 0; first < n; first += 4) {
		uint32_t count = n - first < 4 ? n - first : 4;

		VEC_UNROLL
		for (uint32_t i = 0; i < 4; i++)
			column[first + i] = vec_load_quads(x + i * n + first, step, count);
		vec_transpose_quads(column + first);
	}
	max = column[0]; // cppcheck-suppress uninitvar; n is 1 at least
	for (uint32_t c = 1; c < n; c++)
		max = vec_max(max, column[c]);
	for (uint32_t c = 0; c < n; c++) {
		column[c] = vec_sub(column[c], max);
		exps[c] = vec_exp_flushed(column[c]);
	}
	sum = softmax_sum_columns(exps, n);
	sum = log ? vec_log(sum) : vec_div(vec_set1(1.0f), sum);
	for (uint32_t first = 0; first < n; first += 4) {
		uint32_t count = n - first < 4 ? n - first : 4;

		VEC_UNROLL
		for (uint32_t i = 0; i < 4; i++)
			column[first + i] = log ? vec_sub(column[first + i], sum)
						: vec_mul(exps[first + i], sum);
		vec_transpose_quads(column + first);
		VEC_UNROLL
		for (uint32_t i = 0; i < 4; i++)
			vec_store_quads(y + i * n + first, step, count, column[first + i]);
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
	e = vec_exp_flushed(vec_sub(vec_pick(rest, vec_load_mask(x + whole, rest), low), max));
	sum = vec_pick(rest, e, vec_set1(0.0f));
	for (uint32_t i = 0; i < whole; i += VEC_WIDTH) {
		vec part = vec_exp_flushed(vec_sub(vec_load(x + i), max));

		sum = vec_add(sum, part);
		if (!log)
			vec_store(y + i, part);
	}
	sum = vec_set1(vec_sum(sum));
	sum = log ? vec_log(sum) : vec_div(vec_set1(1.0f), sum);
	for (uint32_t i = 0; i < whole; i += VEC_WIDTH)
		vec_store(y + i,
			log ? vec_sub(vec_sub(vec_load(x + i), max), sum)
			    : vec_mul(vec_load(y + i), sum));
	if (whole < n)
		vec_store_mask(y + whole, rest,
			log ? vec_sub(vec_sub(vec_load_mask(x + whole, rest), max), sum)
			    : vec_mul(e, sum));
}

// Computes as many rows as are worth blocks and returns their count. A function of its own because
// of its stack frame, which a single row would set up for nothing.
static __attribute__((noinline)) uint32_t softmax_blocks(
	bool log, uint32_t n, uint32_t m, const float *x, float *y)
{
	const size_t step = (size_t)VEC_WIDTH * n;
	uint32_t left = m;

	for (; left >= VEC_WIDTH; left -= VEC_WIDTH, x += step, y += step) {
		if (log)
			softmax_block(true, n, x, y);
		else
			softmax_block(false, n, x, y);
	}
	if (softmax_part_pays(n, left)) {
		float rows[VEC_WIDTH * SOFTMAX_SHORT_MAX];
		size_t bytes = (size_t)left * n * sizeof(float);

		memcpy(rows, x, bytes);
		memset(rows + (size_t)left * n, 0, (size_t)(VEC_WIDTH - left) * n * sizeof(float));
		softmax_block(log, n, rows, rows);
		memcpy(y, rows, bytes);
		left = 0;
	}
	return m - left;
}

VEC_INLINE void softmax_rows(bool log, uint32_t n, uint32_t m, const float *x, float *y)
{
	const uint32_t blocked =
		m > 1 && n <= SOFTMAX_SHORT_MAX ? softmax_blocks(log, n, m, x, y) : 0;

	for (uint32_t row = blocked; row < m; row++) {
		if (n <= VEC_WIDTH)
			softmax_row(log, n, x + (size_t)row * n, y + (size_t)row * n);
		else
			softmax_wide(log, n, x + (size_t)row * n, y + (size_t)row * n);
	}
}

void VEC_NAME(f32_softmax)(const struct softmax *softmax, uint32_t m, const float *x, float *y)
{
	assert(softmax->n > 0 && softmax->inner > 0);
	if (softmax->inner != 1)
		f32_softmax__scalar(softmax, m, x, y);
	else if (softmax->log)
		softmax_rows(true, softmax->n, m, x, y);
	else
		softmax_rows(false, softmax->n, m, x, y);
}

#endif
