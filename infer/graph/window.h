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

// Number `index` of the values of `dims`, by its three coordinates.
static inline void window_coordinates(
	const int64_t dims[WINDOW_DIMS], int64_t index, int64_t at[WINDOW_DIMS])
{
	at[0] = index / (dims[1] * dims[2]);
	at[1] = index / dims[2] % dims[1];
	at[2] = index % dims[2];
}

// The input value, of one channel, under tap `tap` of the window at output position `o`: *at is its
// number. False where that is padding. Not of a transposed convolution.
static inline bool window_tap(
	const struct window *window, const int64_t o[WINDOW_DIMS], int64_t tap, int64_t *at)
{
	int64_t k[WINDOW_DIMS];
	bool inside = true;

	window_coordinates(window->kernel, tap, k);
	*at = 0;
	for (uint32_t d = 0; d < WINDOW_DIMS; d++) {
		const int64_t i =
			o[d] * window->stride[d] - window->begin[d] + k[d] * window->dilation[d];

		inside &= i >= 0 && i < window->in[d];
		*at = *at * window->in[d] + i;
	}
	return inside;
}
