// SPDX-License-Identifier: BSD-3-Clause
#include "infer/plan/steps/padding.h"

#include <string.h>

struct padding padding_of(const struct window *w, uint32_t channels, bool last, size_t value_bytes)
{
	struct padding padding = {
		.channels = channels, .last = last, .value_bytes = (uint32_t)value_bytes
	};

	for (uint32_t d = 0; d < 3; d++) {
		padding.in[d] = (uint32_t)w->in[d];
		padding.begin[d] = (uint32_t)w->begin[d];
		padding.room[d] = (uint32_t)(w->in[d] + w->begin[d] + w->end[d]);
	}
	return padding;
}

bool padding_is_some(const struct window *w)
{
	for (uint32_t d = 0; d < 3; d++) {
		if (w->begin[d] + w->end[d] > 0)
			return true;
	}
	return false;
}

size_t padding_values(const struct padding *p)
{
	return (size_t)p->channels * p->room[0] * p->room[1] * p->room[2];
}

void padding_fill(const struct padding *p, float value, float *to)
{
	for (size_t i = 0, n = padding_values(p); i < n; i++)
		to[i] = value;
}

void padding_copy(const struct padding *p, const void *from, void *room_of)
{
	const uint32_t outside = p->last ? 1 : p->channels;
	const size_t unit = (size_t)(p->last ? p->channels : 1) * p->value_bytes;
	const size_t line = p->in[2] * unit;
	const uint32_t *room = p->room;
	const char *x = from;
	char *to = room_of;

	for (uint32_t c = 0; c < outside; c++, to += (size_t)room[0] * room[1] * room[2] * unit) {
		for (uint32_t i = 0; i < p->in[0] * p->in[1]; i++, x += line) {
			const size_t at = (i / p->in[1] + p->begin[0]) * (size_t)room[1] +
				i % p->in[1] + p->begin[1];

			memcpy(to + (at * room[2] + p->begin[2]) * unit, x, line);
		}
	}
}
