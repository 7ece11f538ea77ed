// SPDX-License-Identifier: BSD-3-Clause
// Images in padding buffers, in which the windows of a convolution or pool lie as a whole.
#pragma once

#include "infer/graph/window.h"

// An image x and its padding buffer y, each [channels][d0][d1][d2] or channels last,
// [d0][d1][d2][channels]: x of the extents in[], y of padded[], x from begin[] on in it.
struct padding {
	uint32_t channels, in[WINDOW_DIMS], begin[WINDOW_DIMS], padded[WINDOW_DIMS];
	uint32_t value_bytes;
	bool x_last, y_last; // channels last; y is wherever x is, and of bytes may be alone
};

// With what the window's pads ask for around x.
struct padding padding_of(const struct window *window, uint32_t channels, bool x_last, bool y_last,
	size_t value_bytes);
bool padding_is_some(const struct window *window);    // do the pads ask for any?
size_t padding_values(const struct padding *padding); // of y
// The whole of y. `value` is that of a float, or of a byte where value_bytes is 1.
void padding_fill__scalar(const struct padding *padding, float value, void *y);
// One image into y. What is around it stays: images that follow each other need one fill.
void padding_copy__scalar(const struct padding *padding, const void *x, void *y);
