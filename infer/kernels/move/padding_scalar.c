// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/move/padding.h"

#include <assert.h>
#include <string.h>

struct padding padding_of(const struct window *window, uint32_t channels, bool x_last, bool y_last,
	size_t value_bytes)
{
	struct padding padding = { .channels = channels,
		.value_bytes = (uint32_t)value_bytes,
		.x_last = x_last,
		.y_last = y_last };

	for (uint32_t d = 0; d < WINDOW_DIMS; d++) {
		padding.in[d] = (uint32_t)window->in[d];
		padding.begin[d] = (uint32_t)window->begin[d];
		padding.padded[d] = (uint32_t)(window->in[d] + window->begin[d] + window->end[d]);
	}
	return padding;
}

bool padding_is_some(const struct window *window)
{
	for (uint32_t d = 0; d < WINDOW_DIMS; d++) {
		if (window->begin[d] + window->end[d] > 0)
			return true;
	}
	return false;
}

size_t padding_values(const struct padding *p)
{
	return (size_t)p->channels * p->padded[0] * p->padded[1] * p->padded[2];
}

void padding_fill__scalar(const struct padding *padding, float value, void *y)
{
	const size_t n = padding_values(padding);
	float *floats = y;

	if (padding->value_bytes == 1) {
		memset(y, (int)value, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		floats[i] = value;
}

// The position in y of the first one of line l of x.
static size_t padding_line(const struct padding *p, size_t l)
{
	const size_t i = l / p->in[1] + p->begin[0], j = l % p->in[1] + p->begin[1];

	return (i * p->padded[1] + j) * p->padded[2] + p->begin[2];
}

// Both channels first, or both last: line by line.
static void padding_copy_lines(const struct padding *p, const char *x, char *y)
{
	const uint32_t planes = p->x_last ? 1 : p->channels;
	const size_t position = (size_t)(p->x_last ? p->channels : 1) * p->value_bytes;
	const size_t line = p->in[2] * position, lines = (size_t)p->in[0] * p->in[1];
	const size_t plane = (size_t)p->padded[0] * p->padded[1] * p->padded[2] * position;

	for (uint32_t c = 0; c < planes; c++, y += plane)
		for (size_t l = 0; l < lines; l++, x += line)
			memcpy(y + padding_line(p, l) * position, x, line);
}

// Bytes from channels first to channels last.
static void padding_copy_transposed(const struct padding *p, const uint8_t *x, uint8_t *y)
{
	const size_t wide = p->in[2], lines = (size_t)p->in[0] * p->in[1];

	for (size_t l = 0; l < lines; l++) {
		uint8_t *line = y + padding_line(p, l) * p->channels;

		for (uint32_t c = 0; c < p->channels; c++) {
			const uint8_t *from = x + (c * lines + l) * wide;

			for (size_t i = 0; i < wide; i++)
				line[i * p->channels + c] = from[i];
		}
	}
}

void padding_copy__scalar(const struct padding *padding, const void *x, void *y)
{
	if (padding->x_last == padding->y_last) {
		padding_copy_lines(padding, x, y);
	} else {
		assert(padding->y_last && padding->value_bytes == 1);
		padding_copy_transposed(padding, x, y);
	}
}
