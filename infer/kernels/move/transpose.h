// SPDX-License-Identifier: BSD-3-Clause
// Transposition of values of any size: nested loops over x, whose values are written to y one after
// the other.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TRANSPOSE_LOOPS_MAX 8

struct transpose {
	size_t run_bytes; // contiguous in x and in y, copied as a whole
	uint32_t n;       // loops, the outermost first; at least 2
	struct {
		size_t count, stride; // runs, and bytes of x from one to the next
	} loop[TRANSPOSE_LOOPS_MAX];
};

// Fills in the loops that transpose [rows][columns] values of `value_bytes` each to
// [columns][rows].
struct transpose transpose_of_matrix(size_t rows, size_t columns, size_t value_bytes);
// m tensors, which begin x_row bytes apart in x and follow each other in y.
void transpose__scalar(
	const struct transpose *transpose, uint32_t m, const void *x, size_t x_row, void *y);
