// SPDX-License-Identifier: BSD-3-Clause
// Convolution as a dense product over windows that are read where they are (im2col without a copy):
// a tile of neighbouring output positions times 16 or 32 output channels in registers. y is
// channels last, [positions][channels]; x may be either, since a window is a list of contiguous
// runs. The contract is kernels.h's.
#pragma once

#include "infer/graph/act.h"
#include "infer/kernels/kernels.h"

struct conv_tile {
	uint32_t groups, out; // output channels of a group
	uint32_t positions[3];
	size_t x_step[3];    // floats of x from position to position along each dimension
	size_t x_group;      // floats of x from group to group
	uint32_t runs, run;  // a window is `runs` contiguous runs of `run` floats
	const uint32_t *at;  // [runs] floats from the window's first to the run's first
	const float *packed; // [groups] panel16 of [runs * run][out]
	struct act act;
};

// One image.
typedef void conv_tile_fn(const struct conv_tile *conv, const float *x, float *y);
#define CONV_TILE_LIST(X) X(f32_conv_tile__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_conv_tile)
#define X(name, isa)      conv_tile_fn name;
CONV_TILE_LIST(X)
#undef X
KERNEL_FAMILY(conv_tile, CONV_TILE)
