// SPDX-License-Identifier: BSD-3-Clause
// The direct convolution, a line of one output channel at a time; the packed weights are ONNX's.
#include "infer/kernels/conv/conv_rows.h"
#include "infer/kernels/elementwise/activate.h"

static size_t conv_rows_window(const struct conv_rows *conv)
{
	return (size_t)conv->in * conv->kernel[0] * conv->kernel[1] * conv->kernel[2];
}

size_t conv_rows_packed_bytes(const struct conv_rows *conv, uint32_t block)
{
	const size_t blocks = (conv->out + block - 1) / block;

	return conv->groups * blocks * conv_rows_window(conv) * block * sizeof(float);
}

void conv_rows_pack(const struct conv_rows *conv, uint32_t block, const float *w, float *packed)
{
	const size_t values = conv_rows_window(conv), blocks = (conv->out + block - 1) / block;

	for (uint32_t g = 0; g < conv->groups; g++) {
		for (size_t o = 0; o < blocks * block; o++) {
			float *to = packed + (g * blocks + o / block) * values * block + o % block;
			const float *from = w + (g * conv->out + o) * values;

			for (size_t i = 0; i < values; i++)
				to[i * block] = o < conv->out ? from[i] : 0.0f;
		}
	}
}

// One line of y, whose first window begins at x. w: [in][kernel...].
static void conv_rows_line_scalar(
	const struct conv_rows *conv, const float *x, const float *w, float bias, float *restrict y)
{
	const size_t plane = (size_t)conv->padded[1] * conv->padded[2];
	const uint32_t n = conv->positions[2], taps = conv->kernel[0] * conv->kernel[1];

	for (uint32_t i = 0; i < n; i++)
		y[i] = bias;
	for (uint32_t c = 0; c < conv->in; c++, x += plane * conv->padded[0]) {
		for (uint32_t k = 0; k < taps; k++) {
			const float *row = x + k / conv->kernel[1] * conv->dilation[0] * plane +
				(size_t)(k % conv->kernel[1]) * conv->dilation[1] * conv->padded[2];

			for (uint32_t t = 0; t < conv->kernel[2]; t++, row += conv->dilation[2]) {
				const float weight = *w++;

				for (uint32_t i = 0; i < n; i++)
					y[i] += weight * row[i];
			}
		}
	}
}

void f32_conv_rows__scalar(const struct conv_rows *conv, const float *x, float *y)
{
	const size_t plane = (size_t)conv->padded[1] * conv->padded[2];
	const size_t values = conv_rows_window(conv);
	const uint32_t lines = conv->positions[0] * conv->positions[1];
	float *to = y;

	for (uint32_t o = 0; o < conv->groups * conv->out; o++) {
		const float *image = x + o / conv->out * conv->in * plane * conv->padded[0];

		for (uint32_t l = 0; l < lines; l++, to += conv->positions[2]) {
			const float *from = image +
				l / conv->positions[1] * conv->stride[0] * plane +
				(size_t)(l % conv->positions[1]) * conv->stride[1] *
					conv->padded[2];

			conv_rows_line_scalar(conv, from, conv->weights + o * values,
				conv->bias ? conv->bias[o] : 0.0f, to);
		}
	}
	if (conv->act.kind != ACTIVATION_NONE)
		f32_activate__scalar(&conv->act, (size_t)(to - y), y, y);
}

#define X(function, bits, channels)                                                                \
	{ .name = #function, .isa = (bits), .block = (channels), .run = (function) },
KERNEL_TABLE_DEFINE(conv_rows, CONV_ROWS, X)
