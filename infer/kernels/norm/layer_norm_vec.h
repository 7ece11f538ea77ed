// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/kernels/kernels.h"
#include "infer/kernels/norm/layer_norm.h"
#include "infer/kernels/vec/vec.h"

#include <assert.h>
#include <math.h>

#ifdef VEC_WIDTH

VEC_INLINE float layer_norm_sum(uint32_t n, const float *x)
{
	const uint32_t whole = n - n % VEC_WIDTH;
	vec sum = vec_load_mask(x + whole, vec_first(n - whole));

	for (uint32_t i = 0; i < whole; i += VEC_WIDTH)
		sum = vec_add(sum, vec_load(x + i));
	return vec_sum(sum);
}

// The sum of squared distances from the mean.
VEC_INLINE float layer_norm_squares(uint32_t n, const float *x, vec mean)
{
	const uint32_t whole = n - n % VEC_WIDTH;
	const vec_mask rest = vec_first(n - whole);
	vec d = vec_pick(rest, vec_sub(vec_load_mask(x + whole, rest), mean), vec_set1(0.0f));
	vec sum = vec_mul(d, d);

	for (uint32_t i = 0; i < whole; i += VEC_WIDTH) {
		d = vec_sub(vec_load(x + i), mean);
		sum = vec_fma(d, d, sum);
	}
	return vec_sum(sum);
}

VEC_INLINE void layer_norm_scale(
	const struct layer_norm *layer_norm, const float *x, float *y, vec mean, vec inverse)
{
	const float *scale = layer_norm->scale, *bias = layer_norm->bias;
	const uint32_t n = layer_norm->n, whole = n - n % VEC_WIDTH;
	const vec_mask rest = vec_first(n - whole);
	const vec zero = vec_set1(0.0f);

	for (uint32_t i = 0; i < whole; i += VEC_WIDTH) {
		vec v = vec_mul(vec_sub(vec_load(x + i), mean), inverse);

		vec_store(y + i, vec_fma(v, vec_load(scale + i), bias ? vec_load(bias + i) : zero));
	}
	if (whole < n) {
		vec v = vec_mul(vec_sub(vec_load_mask(x + whole, rest), mean), inverse);

		vec_store_mask(y + whole, rest,
			vec_fma(v, vec_load_mask(scale + whole, rest),
				bias ? vec_load_mask(bias + whole, rest) : zero));
	}
}

void VEC_NAME(f32_layer_norm)(const struct layer_norm *layer_norm, uint32_t m, const float *x,
	float *y, float *mean, float *inv_std)
{
	const uint32_t n = layer_norm->n;

	assert(n > 0);
	for (uint32_t row = 0; row < m; row++, x += n, y += n) {
		float centre = layer_norm_sum(n, x) / (float)n;
		float variance = layer_norm_squares(n, x, vec_set1(centre)) / (float)n;
		float inverse = 1.0f / sqrtf(variance + layer_norm->epsilon);

		layer_norm_scale(layer_norm, x, y, vec_set1(centre), vec_set1(inverse));
		if (mean)
			mean[row] = centre;
		if (inv_std)
			inv_std[row] = inverse;
	}
}

#endif
