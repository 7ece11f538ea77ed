// SPDX-License-Identifier: BSD-3-Clause
// Values taken by indices that are known beforehand: columns of a row, or whole runs along an axis.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct gather {
	size_t run_bytes;      // contiguous in x and in y: what lies behind the axis
	uint32_t outer;        // times what lies before the axis is repeated
	uint32_t along;        // runs of x along the axis
	uint32_t n;            // of y along the axis
	const uint32_t *index; // [n], each below `along`
};

// m tensors, which begin x_row bytes apart in x and follow each other in y: y[o][i] = x[o][index[i]].
void gather__scalar(const struct gather *gather, uint32_t m, const void *x, size_t x_row, void *y);
