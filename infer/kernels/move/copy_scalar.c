// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/move/copy.h"

#include <string.h>

void copy__scalar(uint32_t m, size_t bytes, const void *x, size_t x_step, void *y, size_t y_step)
{
	const char *from = x;
	char *to = y;

	for (uint32_t i = 0; i < m; i++, from += x_step, to += y_step)
		memcpy(to, from, bytes);
}
