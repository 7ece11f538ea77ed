// SPDX-License-Identifier: BSD-3-Clause
// One output position times the 16 channels of a panel.
#include "infer/kernels/conv/conv_tile.h"
#include "infer/kernels/elementwise/activate.h"

#include <assert.h>

// x: the window's first value; w: one panel, [1 + runs * run][16], the bias first.
static void conv_tile_panel(
	const struct conv_tile *conv, const float *x, const float *w, uint32_t channels, float *y)
{
	float sum[16];

	for (uint32_t c = 0; c < 16; c++)
		sum[c] = w[c];
	for (uint32_t r = 0; r < conv->runs; r++) {
		const float *run = x + conv->at[r];

		for (uint32_t i = 0; i < conv->run; i++) {
			w += 16;
			for (uint32_t c = 0; c < 16; c++)
				sum[c] += run[i] * w[c];
		}
	}
	for (uint32_t c = 0; c < channels; c++)
		y[c] = sum[c];
}

void f32_conv_tile__scalar(const struct conv_tile *conv, const float *x, float *y)
{
	const uint32_t *n = conv->positions, positions = n[0] * n[1] * n[2];
	const size_t panel = ((size_t)conv->runs * conv->run + 1) * 16;
	const float *w = conv->packed;
	const size_t channels = (size_t)conv->groups * conv->out;

	assert(conv->runs > 0 && conv->run > 0 && conv->out > 0);
	for (uint32_t g = 0; g < conv->groups; g++, x += conv->x_group) {
		for (uint32_t o = 0; o < conv->out; o += 16, w += panel) {
			for (uint32_t p = 0; p < positions; p++) {
				const float *window = x + p / n[2] / n[1] * conv->x_step[0] +
					p / n[2] % n[1] * conv->x_step[1] +
					p % n[2] * conv->x_step[2];

				conv_tile_panel(conv, window, w,
					conv->out - o < 16 ? conv->out - o : 16,
					y + p * channels + (size_t)g * conv->out + o);
			}
		}
	}
	if (conv->act.kind != ACTIVATION_NONE)
		f32_activate__scalar(&conv->act, positions * channels, y, y);
}

KERNEL_TABLE_DEFINE(conv_tile, CONV_TILE, KERNEL_ENTRY)
