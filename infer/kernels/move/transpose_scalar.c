// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/move/transpose.h"

#include <assert.h>
#include <string.h>

struct transpose transpose_of_matrix(size_t rows, size_t columns, size_t value_bytes)
{
	return (struct transpose){ .run_bytes = value_bytes,
		.n = 2,
		.loop = { { columns, value_bytes }, { rows, columns * value_bytes } } };
}

// The two innermost loops. Returns the end of what was written to y. With a constant run_bytes the
// copy of a run is one move.
static inline __attribute__((always_inline)) char *transpose_inner(
	const struct transpose *t, const char *x, char *y, const size_t run_bytes)
{
	const size_t rows = t->loop[t->n - 2].count, row = t->loop[t->n - 2].stride;
	const size_t columns = t->loop[t->n - 1].count, column = t->loop[t->n - 1].stride;

	for (size_t i = 0; i < rows; i++, x += row) {
		const char *from = x;

		for (size_t j = 0; j < columns; j++, from += column, y += run_bytes)
			memcpy(y, from, run_bytes);
	}
	return y;
}

// The loops from `l` on. Returns the end of what was written to y.
static char *transpose_from(const struct transpose *t, uint32_t l, const char *x, char *y)
{
	if (l + 2 < t->n) {
		for (size_t i = 0; i < t->loop[l].count; i++, x += t->loop[l].stride)
			y = transpose_from(t, l + 1, x, y);
		return y;
	}
	switch (t->run_bytes) {
	case 1:
		return transpose_inner(t, x, y, 1);
	case 4:
		return transpose_inner(t, x, y, 4);
	case 8:
		return transpose_inner(t, x, y, 8);
	default:
		return transpose_inner(t, x, y, t->run_bytes);
	}
}

void transpose__scalar(
	const struct transpose *transpose, uint32_t m, const void *x, size_t x_row, void *y)
{
	const char *from = x;
	char *to = y;

	assert(transpose->n >= 2 && transpose->n <= TRANSPOSE_LOOPS_MAX);
	for (uint32_t i = 0; i < m; i++, from += x_row)
		to = transpose_from(transpose, 0, from, to);
}
