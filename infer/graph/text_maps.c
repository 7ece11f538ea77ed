// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/text_maps.h"

#include "base/rows_cell.h"
#include "infer/graph/arena.h"

#include <stdlib.h>
#include <string.h>

static int text_maps_compare(const void *a, const void *b, void *texts)
{
	const char *const *list = texts;

	return strcmp(list[*(const uint32_t *)a], list[*(const uint32_t *)b]);
}

int text_maps_order(struct model_texts *maps, uint32_t n, struct arena *arena, struct error *err)
{
	for (uint32_t m = 0; m < n; m++) {
		struct model_texts *map = &maps[m];
		float value;
		uint32_t *order = arena_calloc(arena, (size_t)map->n_texts + 1, sizeof(*order));

		if (!order)
			return error_set(err, -ENOMEM, "out of memory for features of text");
		for (uint32_t t = 0; t < map->n_texts; t++)
			order[t] = t;
		qsort_r(order, map->n_texts, sizeof(*order), text_maps_compare,
			(void *)(uintptr_t)map->texts);
		map->order = order;
		for (uint32_t t = 0; t < map->n_texts && !map->has_numbers; t++)
			map->has_numbers =
				rows_cell_read(map->texts[t], &value) == ROWS_CELL_NUMBER;
		for (uint32_t t = 1; t < map->n_texts; t++) {
			if (strcmp(map->texts[order[t]], map->texts[order[t - 1]]) == 0)
				return error_set(err, -EINVAL,
					"feature %u has the text '%.80s' twice", map->feature,
					map->texts[order[t]]);
		}
	}
	return 0;
}

const struct model_texts *text_maps_find(
	const struct model_texts *maps, uint32_t n, uint32_t feature)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (maps[middle].feature < feature)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && maps[low].feature == feature ? &maps[low] : NULL;
}

uint32_t text_maps_number(const struct model_texts *map, const char *text)
{
	uint32_t low = 0, high = map->n_texts;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		const int apart = strcmp(map->texts[map->order[middle]], text);

		if (apart == 0)
			return map->order[middle];
		if (apart < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return map->n_texts;
}
