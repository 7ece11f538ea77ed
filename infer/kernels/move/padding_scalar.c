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

// The position in y of the first position of x.
static size_t padding_first(const struct padding *p)
{
	const uint32_t *begin = p->begin, *padded = p->padded;

	return ((size_t)begin[0] * padded[1] + begin[1]) * padded[2] + begin[2];
}

// Copies line by line where both are channels first, or both channels last.
static void padding_copy_lines(const struct padding *p, const char *x, char *y)
{
	const uint32_t planes = p->x_last ? 1 : p->channels, depth = p->in[0], height = p->in[1];
	const size_t position = (size_t)(p->x_last ? p->channels : 1) * p->value_bytes;
	const size_t line = p->in[2] * position, y_line = p->padded[2] * position;
	const size_t y_slice = p->padded[1] * y_line, y_plane = p->padded[0] * y_slice;

	y += padding_first(p) * position;
	for (uint32_t c = 0; c < planes; c++, y += y_plane) {
		char *slice = y;

		for (uint32_t i = 0; i < depth; i++, slice += y_slice) {
			char *to = slice;

			for (uint32_t j = 0; j < height; j++, x += line, to += y_line)
				memcpy(to, x, line);
		}
	}
}

// Transposes one line of bytes from channels first, `plane` bytes from channel to channel, to
// channels last.
static void padding_transpose_line(
	const uint8_t *x, size_t plane, uint32_t channels, uint32_t wide, uint8_t *y)
{
	for (uint32_t c = 0; c < channels; c++, x += plane)
		for (size_t i = 0; i < wide; i++)
			y[i * channels + c] = x[i];
}

static void padding_copy_transposed(const struct padding *p, const uint8_t *x, uint8_t *y)
{
	const uint32_t channels = p->channels, depth = p->in[0], height = p->in[1], wide = p->in[2];
	const size_t plane = (size_t)depth * height * wide;
	const size_t y_line = (size_t)p->padded[2] * channels, y_slice = p->padded[1] * y_line;

	y += padding_first(p) * channels;
	for (uint32_t i = 0; i < depth; i++)
		for (uint32_t j = 0; j < height; j++, x += wide)
			padding_transpose_line(
				x, plane, channels, wide, y + i * y_slice + j * y_line);
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
