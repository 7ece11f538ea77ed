// SPDX-License-Identifier: BSD-3-Clause
// Images in padding buffers, in which the windows of a convolution or pool lie as a whole.
#pragma once

#include "infer/graph/window.h"

// An image x and its padding buffer y, each channels first, [channels][d0][d1][d2], or channels
// last, [d0][d1][d2][channels]. x has the dimensions in[], y padded[]; x begins at position begin[]
// of y.
struct padding {
	uint32_t channels, in[WINDOW_DIMS], begin[WINDOW_DIMS], padded[WINDOW_DIMS];
	uint32_t value_bytes;
	bool x_last, y_last; // channels last. y is where x is; of bytes, y may be where x is not
};

// The padding buffer of an image under a window: as large as its pads ask for.
struct padding padding_of(const struct window *window, uint32_t channels, bool x_last, bool y_last,
	size_t value_bytes);
bool padding_is_some(const struct window *window);    // do the pads ask for any?
size_t padding_values(const struct padding *padding); // of y
// Fills all of y with `value`, as floats, or as bytes where value_bytes is 1.
void padding_fill__scalar(const struct padding *padding, float value, void *y);
// Copies one image into y. The padding around it stays, so that it is filled once for many images.
void padding_copy__scalar(const struct padding *padding, const void *x, void *y);
