// SPDX-License-Identifier: BSD-3-Clause
// Copies of contiguous runs of bytes that are at one distance in x and at another in y: between a
// model's ports and its tensors, for Concat, for the states of recurrent layers.
#pragma once

#include <stddef.h>
#include <stdint.h>

// m runs of `bytes` each, which begin x_step and y_step bytes apart (0: the same run again). x and
// y do not overlap.
void copy__scalar(uint32_t m, size_t bytes, const void *x, size_t x_step, void *y, size_t y_step);
