// SPDX-License-Identifier: BSD-3-Clause
// im2col: the windows of an image, one after the other, as the rows of a matrix.
#pragma once

#include <stdint.h>

struct im2col {
	uint32_t positions;      // of the output
	uint32_t runs, run;      // a window is `runs` contiguous runs of `run` bytes
	const uint32_t *begins;  // [positions] bytes from the image's first to a window's first
	const uint32_t *offsets; // [runs] bytes from a window's first to a run's first
};

// x: the image, in which all windows lie. y: [positions][runs * run].
void im2col__scalar(const struct im2col *im2col, const uint8_t *x, uint8_t *y);
