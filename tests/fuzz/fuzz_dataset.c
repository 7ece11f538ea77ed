// SPDX-License-Identifier: BSD-3-Clause
// Rows with labels: the first byte chooses how they are read, up to the first line's end stand the groups, and the
// rest is the file.
#include "infer/learn/data/dataset_part.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const NAMES[] = { "a", "proto" }, *const PROTOS[] = { "udp", "tcp" },
			 *const LABELS[] = { "x", "1" };
static const uint32_t ORDER[] = { 1, 0 };
static const struct model_texts TEXTS = {
	.feature = 1, .n_texts = 2, .texts = PROTOS, .order = ORDER, .is_category = true
};
static const struct model_info INFO = { .name = "m",
	.n_features = 2,
	.feature_names = NAMES,
	.class_labels = LABELS,
	.n_class_labels = 2,
	.texts = &TEXTS,
	.n_texts = 1,
	.accepts_missing = true };

static const struct dataset_options WAYS[] = {
	{ .target = DATASET_CLASSES },
	{ .target = DATASET_CLASSES, .label = "1", .keep_missing = true, .allow_unlabelled = true },
	{ .target = DATASET_CLASSES, .label = "c", .weight = "w", .rows.categories = "a" },
	{ .target = DATASET_NUMBERS, .label = "2", .allow_unlabelled = true, .weight = "1" },
	{ .target = DATASET_NONE, .rows.drop = "1", .keep_missing = true },
	{ .target = DATASET_CLASSES, .model = &INFO, .keep_missing = true },
	{ .target = DATASET_CLASSES, .label = "1", .rows.format = ROWS_FORMAT_NPY },
	{ .target = DATASET_CLASSES, .label = "1", .rows.format = ROWS_FORMAT_F32, .model = &INFO },
};
#define N_WAYS (sizeof(WAYS) / sizeof(WAYS[0]))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_texts(const struct dataset *set, const struct model_texts *map)
{
	const float most = (float)map->n_texts;

	for (size_t r = 0; r < set->n_rows; r++) {
		const float value = set->values[r * set->n_features + map->feature];

		if (!isnan(value) && (value < 0 || value >= most))
			abort(); // the number of no text
	}
	for (uint32_t t = 0; t < map->n_texts; t++)
		if (!map->texts[t])
			abort();
}

static void check(const struct dataset *set, const struct dataset_options *options)
{
	struct dataset_part first, second;
	struct error err;

	if (set->n_rows == 0 || set->n_features == 0)
		abort();
	for (size_t r = 0; set->classes && r < set->n_rows; r++)
		if (set->classes[r] < -1 || set->classes[r] >= (int32_t)set->n_classes ||
			(set->classes[r] < 0 && !options->allow_unlabelled))
			abort();
	for (size_t r = 0; set->weights && r < set->n_rows; r++)
		if (!isfinite(set->weights[r]) || set->weights[r] <= 0)
			abort();
	for (uint32_t t = 0; !options->model && t < set->n_texts; t++)
		check_texts(set, &set->texts[t]);
	if (dataset_split(set, 0.3, 1, &first, &second, &err) != 0)
		return;
	if (first.n + second.n != set->n_rows || first.n == 0 || second.n == 0)
		abort();
	dataset_part_fini(&first);
	dataset_part_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[64];
	struct dataset_options options;
	struct dataset set;
	struct error err = { .text = "" };
	const uint8_t *end = size > 1 ? memchr(data + 1, '\n', size - 1) : NULL;
	char *group;
	FILE *file;

	if (!end)
		return 0;
	options = WAYS[data[0] % N_WAYS];
	if (options.rows.format == ROWS_FORMAT_ENDING)
		options.rows.format = ROWS_FORMAT_CSV;
	options.rows.max_bytes = (size_t)16 << 20;
	group = strndup((const char *)data + 1, (size_t)(end - data - 1));
	snprintf(path, sizeof(path), "/tmp/fuzz_dataset_%d", (int)getpid());
	file = group ? fopen(path, "w") : NULL;
	if (file) {
		options.group = *group ? group : NULL;
		fwrite(end + 1, 1, size - (size_t)(end + 1 - data), file);
		fclose(file);
		if (dataset_read(path, &options, &set, &err) == 0)
			check(&set, &options);
		else if (!err.text[0] || set.memory)
			abort(); // refused without a sentence, or not whole
		dataset_fini(&set);
		remove(path);
	}
	free(group);
	return 0;
}
