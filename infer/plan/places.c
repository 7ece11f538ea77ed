// SPDX-License-Identifier: BSD-3-Clause
#include "infer/plan/places.h"

#include <stdlib.h>
#include <string.h>

size_t place_map_take(struct place_map *map, size_t bytes)
{
	size_t offset = 0;
	uint32_t i;

	bytes = (bytes + 63) & ~(size_t)63;
	if (map->count == map->capacity) {
		uint32_t capacity = map->capacity ? map->capacity * 2 : 64;
		struct place_span *spans = realloc(map->spans, capacity * sizeof(*spans));

		if (!spans)
			return SIZE_MAX;
		map->spans = spans;
		map->capacity = capacity;
	}
	for (i = 0; i < map->count && map->spans[i].offset - offset < bytes; i++)
		offset = map->spans[i].offset + map->spans[i].bytes;
	memmove(&map->spans[i + 1], &map->spans[i], (map->count - i) * sizeof(*map->spans));
	map->spans[i] = (struct place_span){ offset, bytes };
	map->count++;
	if (offset + bytes > map->peak)
		map->peak = offset + bytes;
	return offset;
}

void place_map_give(struct place_map *map, size_t offset)
{
	for (uint32_t i = 0; i < map->count; i++) {
		if (map->spans[i].offset == offset) {
			map->count--;
			memmove(&map->spans[i], &map->spans[i + 1],
				(map->count - i) * sizeof(*map->spans));
			return;
		}
	}
}

void place_map_fini(struct place_map *map)
{
	free(map->spans);
}
