// SPDX-License-Identifier: BSD-3-Clause
#include "infer/plan/scratch.h"

#include "base/align.h"

#include <stdlib.h>
#include <string.h>

size_t scratch_take(struct scratch *scratch, size_t bytes)
{
	size_t offset = 0;
	uint32_t i;

	bytes = align_up(bytes, 64);
	if (scratch->count == scratch->capacity) {
		uint32_t capacity = scratch->capacity ? scratch->capacity * 2 : 64;
		struct scratch_span *spans = realloc(scratch->spans, capacity * sizeof(*spans));

		if (!spans)
			return SIZE_MAX;
		scratch->spans = spans;
		scratch->capacity = capacity;
	}
	for (i = 0; i < scratch->count && scratch->spans[i].offset - offset < bytes; i++)
		offset = scratch->spans[i].offset + scratch->spans[i].bytes;
	memmove(&scratch->spans[i + 1], &scratch->spans[i],
		(scratch->count - i) * sizeof(*scratch->spans));
	scratch->spans[i] = (struct scratch_span){ offset, bytes };
	scratch->count++;
	if (offset + bytes > scratch->peak)
		scratch->peak = offset + bytes;
	return offset;
}

void scratch_give(struct scratch *scratch, size_t offset)
{
	for (uint32_t i = 0; i < scratch->count; i++) {
		if (scratch->spans[i].offset == offset) {
			scratch->count--;
			memmove(&scratch->spans[i], &scratch->spans[i + 1],
				(scratch->count - i) * sizeof(*scratch->spans));
			return;
		}
	}
}

void scratch_fini(struct scratch *scratch)
{
	free(scratch->spans);
}
