// SPDX-License-Identifier: BSD-3-Clause
// The windows of convolutions and pools, for shape rules, plain forms and steps. Attributes
// STRIDES, DILATIONS [n] and PADS [2n] (begins, then ends) may be left out (1, 1, 0); auto_pad and
// output_shape are the importers' to resolve. Pure functions, any thread.
#pragma once

#include "infer/graph/graph.h"

#define WINDOW_DIMS 3

// Always three dimensions: those that the node lacks come first, with 1 value and a kernel of 1.
struct window {
	uint32_t n; // spatial dimensions the node has, 1 to 3
	int64_t in[WINDOW_DIMS], out[WINDOW_DIMS], kernel[WINDOW_DIMS];
	int64_t stride[WINDOW_DIMS], dilation[WINDOW_DIMS], begin[WINDOW_DIMS], end[WINDOW_DIMS];
};

// Fills in the windows of x [N, C, spatial...] under a kernel of n dimensions. `out` is Conv's,
// with CEIL_MODE a pool's, or where `transposed` that of ConvTranspose with OUTPUT_PADDING. -EINVAL
// with the sentence made.
int window_of(const struct node *node, const struct tensor *x, const int64_t *kernel,
	bool transposed, struct window *window, struct error *err);
// Input values from one output position to the next; 0 where there is but one position, whatever
// the file says.
static inline size_t window_step(const struct window *window, uint32_t d)
{
	return window->out[d] > 1 ? (size_t)window->stride[d] : 0;
}
static inline int64_t window_product(const int64_t dims[WINDOW_DIMS])
{
	return dims[0] * dims[1] * dims[2];
}
