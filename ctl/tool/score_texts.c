// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/score_texts.h"

#include "base/rows_cell.h"

#include <stdlib.h>
#include <string.h>

static int texts_compare(const void *a, const void *b, void *texts)
{
	const char *const *list = texts;

	return strcmp(list[*(const uint32_t *)a], list[*(const uint32_t *)b]);
}

static int texts_load_one(struct model_texts *map, const json_t *texts, struct error *err)
{
	const uint32_t n = (uint32_t)json_array_size(texts);
	const char **strings = calloc(n + 1ull, sizeof(*strings));
	uint32_t *order = calloc(n + 1ull, sizeof(*order));
	json_t *value;
	size_t i;

	map->texts = strings;
	map->order = order;
	if (!strings || !order)
		return error_set(err, -ENOMEM, "out of memory for the model's texts");
	json_array_foreach (texts, i, value) {
		float number;

		strings[i] = json_string_value(value);
		order[i] = (uint32_t)i;
		if (!strings[i])
			return error_set(
				err, -EINVAL, "a text of feature %u is none", map->feature);
		map->has_numbers =
			map->has_numbers || rows_cell_read(strings[i], &number) == ROWS_CELL_NUMBER;
	}
	qsort_r(order, n, sizeof(*order), texts_compare, strings);
	map->n_texts = n;
	return 0;
}

int score_texts_load(struct model_info *info, const json_t *list, struct error *err)
{
	struct model_texts *maps;
	json_t *entry;
	size_t i;
	int rc = 0;

	maps = calloc(json_array_size(list) + 1, sizeof(*maps));
	info->texts = maps;
	if (!maps)
		return error_set(err, -ENOMEM, "out of memory for the model's texts");
	if (json_array_size(list) == 0)
		return error_set(err, -EINVAL, "the appliance does not tell the model's texts");
	json_array_foreach (list, i, entry) {
		const json_int_t feature = json_integer_value(json_object_get(entry, "feature"));

		if (feature < 0 || feature >= info->n_features ||
			(i > 0 && feature <= maps[i - 1].feature))
			return error_set(err, -EINVAL, "its texts are of no feature");
		maps[i].feature = (uint32_t)feature;
		maps[i].takes_unknown = json_is_true(json_object_get(entry, "takes_unknown"));
		maps[i].is_category = json_is_true(json_object_get(entry, "is_category"));
		info->n_texts++;
		rc = texts_load_one(&maps[i], json_object_get(entry, "texts"), err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

void score_texts_free(struct model_info *info)
{
	for (uint32_t i = 0; i < info->n_texts; i++) {
		free((void *)(uintptr_t)info->texts[i].texts);
		free((void *)(uintptr_t)info->texts[i].order);
	}
	free((void *)(uintptr_t)info->texts);
	info->texts = NULL;
	info->n_texts = 0;
}
