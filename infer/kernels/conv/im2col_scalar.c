// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/conv/im2col.h"

#include <string.h>

// memcpy of a few bytes, which costs less than a call of it. Returns where y ends.
static inline uint8_t *im2col_run(const uint8_t *x, uint32_t bytes, uint8_t *y)
{
	for (; bytes >= 16; bytes -= 16, x += 16, y += 16)
		memcpy(y, x, 16);
	if (bytes & 8) {
		memcpy(y, x, 8);
		x += 8;
		y += 8;
	}
	if (bytes & 4) {
		memcpy(y, x, 4);
		x += 4;
		y += 4;
	}
	for (bytes &= 3; bytes > 0; bytes--)
		*y++ = *x++;
	return y;
}

void im2col__scalar(const struct im2col *im2col, const uint8_t *x, uint8_t *y)
{
	for (uint32_t p = 0; p < im2col->positions; p++) {
		const uint8_t *window = x + im2col->begins[p];

		for (uint32_t r = 0; r < im2col->runs; r++)
			y = im2col_run(window + im2col->offsets[r], im2col->run, y);
	}
}
