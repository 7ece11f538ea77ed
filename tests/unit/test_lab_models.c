// SPDX-License-Identifier: BSD-3-Clause
// The bundled traffic models: named by their own metadata, and equal to sklearn's probabilities.
#include "base/rows.h"
#include "tests/cmocka.h"
#include "tests/parity/parity.h"

#include <stdlib.h>
#include <string.h>

#define TOLERANCE 1e-5

static void compile(const char *path, const struct compile_options *options, void **image,
	size_t *size, struct model **model)
{
	const struct model_options rules = { .no_timing = true };
	struct error err = { .text = "" };

	if (model_compile(path, options, image, size, NULL, &err) != 0 ||
		model_open(*image, *size, &rules, model, &err) != 0)
		fail_msg("%s", err.text);
}

static void read_rows(const char *path, struct rows *rows)
{
	const struct rows_options options = { 0 };
	struct error err = { .text = "" };

	if (rows_read(path, &options, rows, &err) != 0)
		fail_msg("%s", err.text);
}

static void names_are_the_metadatas(void **state)
{
	const struct model_info *info;
	struct model *model;
	size_t size;
	void *image;

	compile("data/lab.onnx", NULL, &image, &size, &model);
	info = model_info(model);
	assert_int_equal(info->n_features, 41);
	assert_string_equal(info->feature_names[0], "tcp");
	assert_string_equal(info->feature_names[40], "payload_4_bytes");
	assert_int_equal(info->n_class_labels, 2);
	assert_string_equal(info->class_labels[1], "attack");
	assert_string_equal(info->output_names[0], "probabilities[benign]");
	model_close(model);
	free(image);
}

static void options_come_before_metadata(void **state)
{
	const struct compile_options options = { .class_labels = "good,bad" };
	struct model *model;
	size_t size;
	void *image;

	compile("data/lab.onnx", &options, &image, &size, &model);
	assert_string_equal(model_info(model)->class_labels[1], "bad");
	assert_string_equal(model_info(model)->output_names[1], "probabilities[bad]");
	assert_string_equal(model_info(model)->feature_names[0], "tcp");
	model_close(model);
	free(image);
}

static void probabilities_are_sklearns(void **state)
{
	const char *name = *state;
	struct rows rows, expected;
	struct error err = { .text = "" };
	struct model *model;
	float *picked, *wanted;
	double difference;
	uint32_t classes;
	char path[64];
	size_t size;
	void *image;

	snprintf(path, sizeof(path), "data/%s.onnx", name);
	compile(path, NULL, &image, &size, &model);
	read_rows("data/lab-test.csv", &rows);
	snprintf(path, sizeof(path), "data/%s-expected.csv", name);
	read_rows(path, &expected);
	classes = expected.n_columns - 1; // the first column is the row's number
	assert_int_equal(classes, model_info(model)->n_class_labels);
	picked = malloc(expected.n_rows * rows.n_columns * sizeof(float));
	wanted = malloc(expected.n_rows * classes * sizeof(float));
	for (size_t i = 0; i < expected.n_rows; i++) {
		const float *line = expected.values + i * expected.n_columns;

		assert_true(line[0] >= 0 && (size_t)line[0] < rows.n_rows);
		memcpy(picked + i * rows.n_columns, rows.values + (size_t)line[0] * rows.n_columns,
			rows.n_columns * sizeof(float));
		memcpy(wanted + i * classes, line + 1, classes * sizeof(float));
	}
	difference = parity_difference(
		image, size, picked, expected.n_rows, rows.n_columns, wanted, classes, &err);
	print_message("# %s: %zu rows, largest difference %.2g %s\n", name, expected.n_rows,
		difference, err.text);
	assert_int_equal(expected.n_rows, 400);
	assert_true(difference >= 0 && difference <= TOLERANCE);
	free(picked);
	free(wanted);
	rows_fini(&rows);
	rows_fini(&expected);
	model_close(model);
	free(image);
}

int main(void)
{
	static char lab[] = "lab", activity[] = "lab-activity"; // cmocka's states are not const
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_the_metadatas),
		cmocka_unit_test(options_come_before_metadata),
		{ "lab_probabilities", probabilities_are_sklearns, NULL, NULL, lab },
		{ "lab_activity_probabilities", probabilities_are_sklearns, NULL, NULL, activity },
	};
	return cmocka_run_group_tests_name("lab_models", tests, NULL, NULL);
}
