// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/dataset_files.h"

#include "tests/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char dataset_dir[] = "/tmp/test_dataset_XXXXXX";
char dataset_path[64];
struct dataset dataset_set;
struct error dataset_err;
const struct dataset_options DATASET_OF_CLASSES = { .target = DATASET_CLASSES };

const char *dataset_file(const char *name, const void *bytes, size_t n)
{
	static char given[2][64];
	static unsigned next;
	char *at = given[next++ % 2];
	FILE *to;

	snprintf(at, sizeof(given[0]), "%s/%s", dataset_dir, name);
	to = fopen(at, "wb");
	assert_non_null(to);
	assert_int_equal(fwrite(bytes, 1, n, to), n);
	fclose(to);
	return at;
}

int dataset_read_text(const char *text, const struct dataset_options *options)
{
	dataset_fini(&dataset_set);
	dataset_err.text[0] = '\0';
	snprintf(dataset_path, sizeof(dataset_path), "%s",
		dataset_file("rows.csv", text, strlen(text)));
	return dataset_read(dataset_path, options, &dataset_set, &dataset_err);
}

void dataset_taken(const char *text, const struct dataset_options *options)
{
	if (dataset_read_text(text, options) != 0)
		fail_msg("%s", dataset_err.text);
}

void dataset_refused(const char *text, const struct dataset_options *options, const char *sentence)
{
	assert_true(dataset_read_text(text, options) < 0);
	assert_ptr_equal(strstr(dataset_err.text, dataset_path), dataset_err.text);
	assert_string_equal(dataset_err.text + strlen(dataset_path), sentence);
	assert_null(dataset_set.values);
	assert_null(dataset_set.memory);
}

void dataset_values_are(const float *values, size_t n)
{
	assert_int_equal(dataset_set.n_rows * dataset_set.n_features, n);
	assert_memory_equal(dataset_set.values, values, n * sizeof(*values));
}

void dataset_classes_are(const char *labels, const char *classes)
{
	char text[256] = "", *to = text;

	for (uint32_t c = 0; c < dataset_set.n_classes; c++)
		to += sprintf(to, "%s%s", c ? "," : "", dataset_set.class_labels[c]);
	assert_string_equal(text, labels);
	to = text;
	for (size_t r = 0; r < dataset_set.n_rows; r++)
		to += sprintf(to, "%s%d", r ? " " : "", dataset_set.classes[r]);
	assert_string_equal(text, classes);
}

static const char *const NAMES[] = { "bytes", "proto" }, *const PROTOS[] = { "udp", "tcp" },
			 *const LABELS[] = { "benign", "attack" };
static const uint32_t ORDER[] = { 1, 0 };
static const struct model_texts TEXTS = {
	.feature = 1, .n_texts = 2, .texts = PROTOS, .order = ORDER, .is_category = true
};
const struct model_info DATASET_INFO = { .name = "m",
	.n_features = 2,
	.feature_names = NAMES,
	.class_labels = LABELS,
	.n_class_labels = 2,
	.texts = &TEXTS,
	.n_texts = 1 };

int dataset_read_file(const char *at, const struct dataset_options *options)
{
	dataset_fini(&dataset_set);
	dataset_err.text[0] = '\0';
	snprintf(dataset_path, sizeof(dataset_path), "%s", at);
	return dataset_read(dataset_path, options, &dataset_set, &dataset_err);
}

int dataset_set_up(void **state)
{
	return mkdtemp(dataset_dir) ? 0 : -1;
}

int dataset_tear_down(void **state)
{
	char command[300];

	dataset_fini(&dataset_set);
	snprintf(command, sizeof(command), "rm -rf '%s'", dataset_dir);
	return system(command);
}
