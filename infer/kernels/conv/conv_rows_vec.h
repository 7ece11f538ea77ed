// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/kernels/conv/conv_rows.h"
#include "infer/kernels/elementwise/activate.h"
#include "infer/kernels/vec/vec_act.h"

#ifdef VEC_WIDTH

#if VEC_WIDTH == 16
#define CONV_ROWS_BLOCK CONV_ROWS_BLOCK_AVX512
#else
#define CONV_ROWS_BLOCK CONV_ROWS_BLOCK_AVX2
#endif

// Computes one block of channels at 1 or 2 vectors of positions. x is the first value of the first
// window; `last` are the lanes of the last vector that hold a position.
VEC_INLINE void conv_rows_tile(const struct conv_rows *conv, const float *x, const float *w,
	const float *bias, uint32_t channels, vec_mask last, const int vecs, float *y)
{
	const size_t plane = (size_t)conv->padded[1] * conv->padded[2];
	const size_t size = (size_t)conv->positions[0] * conv->positions[1] * conv->positions[2];
	vec sum[CONV_ROWS_BLOCK][2];

	VEC_UNROLL
	for (int i = 0; i < CONV_ROWS_BLOCK; i++) {
		vec start = vec_set1(bias && (uint32_t)i < channels ? bias[i] : 0.0f);

		sum[i][0] = sum[i][1] = start;
	}
	for (uint32_t c = 0; c < conv->in; c++, x += plane * conv->padded[0]) {
		for (uint32_t k = 0; k < conv->kernel[0] * conv->kernel[1]; k++) {
			const float *row = x + k / conv->kernel[1] * conv->dilation[0] * plane +
				(size_t)(k % conv->kernel[1]) * conv->dilation[1] * conv->padded[2];

			for (uint32_t t = 0; t < conv->kernel[2]; t++, w += CONV_ROWS_BLOCK) {
				vec v[2];

				if (vecs == 2)
					v[0] = vec_load(row);
				v[vecs - 1] = vec_load_mask(row + (vecs - 1) * VEC_WIDTH, last);
				VEC_UNROLL
				for (int i = 0; i < CONV_ROWS_BLOCK; i++) {
					vec weight = vec_set1(w[i]);

					VEC_UNROLL
					for (int j = 0; j < vecs; j++)
						sum[i][j] = vec_fma(weight, v[j], sum[i][j]);
				}
				row += conv->dilation[2];
			}
		}
	}
	VEC_UNROLL
	for (int i = 0; i < CONV_ROWS_BLOCK; i++) {
		if ((uint32_t)i >= channels)
			break;
		if (vecs == 2)
			vec_store(y + i * size, sum[i][0]);
		vec_store_mask(y + i * size + (vecs - 1) * VEC_WIDTH, last, sum[i][vecs - 1]);
	}
}

VEC_INLINE void conv_rows_line(const struct conv_rows *conv, const float *x, const float *w,
	const float *bias, uint32_t channels, float *y)
{
	uint32_t left = conv->positions[2];

	for (; left > VEC_WIDTH; x += 2 * VEC_WIDTH, y += 2 * VEC_WIDTH) {
		const uint32_t now = left < 2 * VEC_WIDTH ? left : 2 * VEC_WIDTH;

		conv_rows_tile(conv, x, w, bias, channels, vec_first(now - VEC_WIDTH), 2, y);
		left -= now;
		if (left == 0)
			return;
	}
	conv_rows_tile(conv, x, w, bias, channels, vec_first(left), 1, y);
}

void VEC_NAME(f32_conv_rows)(const struct conv_rows *conv, const float *x, float *y)
{
	const size_t plane = (size_t)conv->padded[1] * conv->padded[2];
	const size_t taps = (size_t)conv->kernel[0] * conv->kernel[1] * conv->kernel[2];
	const size_t size = (size_t)conv->positions[0] * conv->positions[1] * conv->positions[2];
	const float *w = conv->weights, *bias = conv->bias;
	float *to = y;

	for (uint32_t g = 0; g < conv->groups; g++, x += conv->in * plane * conv->padded[0]) {
		for (uint32_t o = 0; o < conv->out;
			o += CONV_ROWS_BLOCK, w += conv->in * taps * CONV_ROWS_BLOCK) {
			const uint32_t left = conv->out - o,
				       now = left < CONV_ROWS_BLOCK ? left : CONV_ROWS_BLOCK;

			for (uint32_t l = 0; l < conv->positions[0] * conv->positions[1]; l++) {
				const float *from = x +
					l / conv->positions[1] * conv->stride[0] * plane +
					(size_t)(l % conv->positions[1]) * conv->stride[1] *
						conv->padded[2];

				conv_rows_line(conv, from, w, bias, now,
					to + (size_t)l * conv->positions[2]);
			}
			to += now * size;
			bias = bias ? bias + now : NULL;
		}
	}
	if (conv->act.kind != ACTIVATION_NONE)
		VEC_NAME(f32_activate)(&conv->act, (size_t)(to - y), y, y);
}

#endif
