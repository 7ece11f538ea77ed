// SPDX-License-Identifier: BSD-3-Clause
// Convolution as a dense product over windows that nobody copies: a tile of neighbouring places
// times 16 or 32 output channels in registers. y has its channels side by side, [places][channels];
// x may stand either way, since a window is a list of stretches of neighbouring values. The
// contract is kernels.h's.
#pragma once

#include "infer/kernels/elementwise/activation.h"
#include "infer/kernels/kernels.h"

struct conv_tile {
	uint32_t groups, out; // output channels of a group
	uint32_t places[3];
	size_t x_step[3],
		x_group; // floats from place to place along each dimension, from group to group
	uint32_t stretches, length; // of a window
	const uint32_t *at;         // [stretches] floats from the window's first value
	const float *packed;        // [groups] panel16 of [stretches * length][out]
	struct act act;
};

// One image.
typedef void conv_tile_fn(const struct conv_tile *conv, const float *x, float *y);
X86(conv_tile_fn f32_conv_tile__avx2, f32_conv_tile__avx512;)
ARM(conv_tile_fn f32_conv_tile__neon;)
