// SPDX-License-Identifier: BSD-3-Clause
// TensorFlow Lite: the files of tests/fixtures/tflite score what numpy made of them, and what is damaged is
// refused.
#include "infer/compile/compile.h"
#include "infer/import/import.h"
#include "infer/infer.h"
#include "tests/cmocka.h"

#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "tests/fixtures/tflite/"

struct file {
	uint8_t bytes[1 << 16];
	size_t size;
};

static const struct file *read_file(const char *path, struct file *file)
{
	FILE *from = fopen(path, "r");

	if (!from)
		fail_msg("no %s", path);
	file->size = fread(file->bytes, 1, sizeof(file->bytes), from);
	assert_true(file->size > 0 && file->size < sizeof(file->bytes));
	fclose(from);
	return file;
}

// --- Scores ---------------------------------------------------------------------------------------

// A model opened by rule, of the file; the caller closes it.
static struct model *opened(
	const char *path, const struct file *file, struct compile_report *report)
{
	const struct model_options rules = { .no_timing = true };
	const struct compile_options options = { .name = NULL };
	struct error err = { .text = "" };
	struct model *model = NULL;
	void *image = NULL;
	size_t size;

	if (compile_bytes(path, file->bytes, file->size, &options, &image, &size, report, &err) !=
			0 ||
		model_open(image, size, &rules, &model, &err) != 0)
		fail_msg("%s", err.text);
	free(image);
	return model;
}

// values: [rows, features, outputs, tolerance], rows, scores.
static void scores_are(const char *path, const struct file *file, const float *values)
{
	const uint32_t n = (uint32_t)values[0], features = (uint32_t)values[1],
		       outputs = (uint32_t)values[2];
	struct model *model = opened(path, file, NULL);
	const float *rows = values + 4, *expected = rows + (size_t)n * features;
	float *made = calloc((size_t)n * outputs, sizeof(*made));
	void *scratch = aligned_alloc(64, (model_scratch_bytes(model, n) + 63) / 64 * 64);

	assert_non_null(made);
	assert_non_null(scratch);
	assert_string_equal(model_info(model)->source_kind, "tflite");
	assert_int_equal(model_info(model)->n_features, features);
	assert_int_equal(model_info(model)->n_outputs, outputs);
	model_score(model, rows, made, n, scratch, n);
	for (uint32_t i = 0; i < n * outputs; i++) {
		if (!(fabsf(made[i] - expected[i]) <= values[3] * fmaxf(1, fabsf(expected[i]))))
			fail_msg("%s: value %u is %.9g, should be %.9g", path, i, (double)made[i],
				(double)expected[i]);
	}
	free(scratch);
	free(made);
	model_close(model);
}

static void fixtures_score_what_numpy_made(void **state)
{
	static struct file file, values;
	glob_t found = { 0 };
	char path[200];

	assert_int_equal(glob(FOLDER "*.tflite", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 90);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *name = found.gl_pathv[i];

		snprintf(path, sizeof(path), "%.*s.f32", (int)(strlen(name) - 7), name);
		read_file(name, &file);
		read_file(path, &values);
		scores_are(name, &file, (const float *)(const void *)values.bytes);
	}
	globfree(&found);
	(void)state;
}

static bool reported(const struct compile_report *report, const char *said)
{
	bool found = false;

	for (size_t i = 0; i < report->n_lines; i++)
		found |= strstr(report->lines[i], said) != NULL;
	return found;
}

// Rows of i8 are what the file keeps its input as, and products are of bytes.
static void quantised_files_stay_quantised(void **state)
{
	struct compile_report report = { .lines = NULL };
	static struct file file;
	struct model *model;

	read_file(FOLDER "network_quantised.tflite", &file);
	model = opened("network_quantised.tflite", &file, &report);
	for (uint32_t f = 0; f < model_info(model)->n_features; f++) {
		assert_float_equal(model_info(model)->input_scale[f], 0.05f, 0);
		assert_float_equal(model_info(model)->input_zero[f], 3, 0);
	}
	assert_true(reported(&report, "TensorFlow Lite (make_tflite.py): 8 operators"));
	assert_true(reported(&report, "into 8 bits: int8 [24] to int8 [6]"));
	assert_true(reported(&report, "into 8 bits: int8 [12] to int8 [3]"));
	model_close(model);
	compile_report_fini(&report);
	(void)state;
}

// --- Damaged files --------------------------------------------------------------------------------

static int imported(const void *bytes, size_t size, struct error *err)
{
	struct graph *graph = NULL;
	const int rc = import_model(
		bytes, size, &(struct import_options){ .rounds = ROUNDS_BEST }, &graph, NULL, err);

	graph_destroy(graph);
	return rc;
}

static void is_refused(const char *path, const void *bytes, size_t size)
{
	struct error err = { .text = "" };
	const int rc = imported(bytes, size, &err);

	if (rc != 0 && ((rc != -EINVAL && rc != -ENOTSUP && rc != -ENOMEM) || !err.text[0]))
		fail_msg("%s: %d, '%s'", path, rc, err.text);
}

// Each byte of small files flipped in several ways, in memory that ends where the file does.
static void any_byte_may_be_wrong(void **state)
{
	static const uint8_t FLIPS[] = { 0x01, 0x80, 0xff };
	static const char *const NAMES[] = { FOLDER "FULLY_CONNECTED_quantised.tflite",
		FOLDER "SPLIT.tflite", FOLDER "STRIDED_SLICE.tflite",
		FOLDER "CONV_2D_quantised.tflite", FOLDER "UNIDIRECTIONAL_SEQUENCE_LSTM.tflite",
		FOLDER "BIDIRECTIONAL_SEQUENCE_RNN_apart.tflite",
		FOLDER "TRANSPOSE_CONV_quantised.tflite", FOLDER "RESIZE_BILINEAR.tflite" };
	static struct file file;

	for (size_t n = 0; n < sizeof(NAMES) / sizeof(*NAMES); n++) {
		uint8_t *bytes;

		read_file(NAMES[n], &file);
		bytes = malloc(file.size);
		assert_non_null(bytes);
		memcpy(bytes, file.bytes, file.size);
		for (size_t i = 0; i < file.size; i++) {
			for (size_t k = 0; k < sizeof(FLIPS); k++) {
				bytes[i] = file.bytes[i] ^ FLIPS[k];
				is_refused(NAMES[n], bytes, file.size);
			}
			bytes[i] = file.bytes[i];
		}
		free(bytes);
	}
	(void)state;
}

static void any_end_may_be_missing(void **state)
{
	static struct file file;

	read_file(FOLDER "network_quantised.tflite", &file);
	for (size_t size = 8; size < file.size; size += 3) {
		uint8_t *bytes = malloc(size);

		assert_non_null(bytes);
		memcpy(bytes, file.bytes, size);
		is_refused("network_quantised.tflite", bytes, size);
		free(bytes);
	}
	(void)state;
}

// The file with the n bytes `from`, which it has once, replaced.
static void says(const char *path, const void *from, const void *to, size_t n, int code,
	const char *sentence)
{
	struct error err = { .text = "" };
	static struct file file;
	uint8_t *at;

	read_file(path, &file);
	at = memmem(file.bytes, file.size, from, n);
	if (!at)
		fail_msg("%s lacks the bytes", path);
	memcpy(at, to, n);
	if (imported(file.bytes, file.size, &err) != code || !strstr(err.text, sentence))
		fail_msg("%s: '%s' of code %d, should be '%s' of %d", path, err.text, err.code,
			sentence, code);
}
#define SAYS(name, from, to, code, sentence)                                                       \
	says(FOLDER name, from, to, sizeof(from) - 1, code, sentence)

static void what_is_wrong_is_said(void **state)
{
	struct error err = { .text = "" };

	assert_int_equal(imported("\xff\0\0\0TFL3", 8, &err), -EINVAL);
	assert_string_equal(err.text,
		"not a sound TensorFlow Lite file: what byte 8 says leads out of the file");
	// The table of the operator's code: its size, and then the code, as a byte and as a number.
	SAYS("TANH.tflite", "\x10\0\0\0\x1c\0\0\0\x1c\0\0\0\x01",
		"\x10\0\0\0\x1b\0\0\0\x1b\0\0\0\x01", -ENOTSUP,
		"operator 0 (SVDF): not supported: it keeps a state from one call to the next");
	SAYS("TANH.tflite", "\x10\0\0\0\x1c\0\0\0\x1c\0\0\0\x01",
		"\x10\0\0\0\x77\0\0\0\x77\0\0\0\x01", -ENOTSUP,
		"operator 0 (WHILE): not supported: a loop, as of a GRU or an LSTM of Keras");
	SAYS("TANH.tflite", "\x10\0\0\0\x1c\0\0\0\x1c\0\0\0\x01",
		"\x10\0\0\0\x20\0\0\0\x20\0\0\0\x01", -ENOTSUP,
		"operator 0 (CUSTOM): '' is none of TensorFlow Lite's own operators, and not "
		"supported");
	SAYS("TANH.tflite", "\x10\0\0\0\x1c\0\0\0\x1c\0\0\0\x01",
		"\x10\0\0\0\x02\0\0\0\x2d\0\0\0\x01", -EINVAL,
		"operator 0 (STRIDED_SLICE): has 1 inputs, should have 4 to 4");
	// The version of the schema; the number of the operator's input.
	SAYS("TANH.tflite", "\x10\0\0\0\x03\0\0\0", "\x10\0\0\0\x02\0\0\0", -ENOTSUP,
		"TensorFlow Lite of schema version 2, supported is 3");
	SAYS("FULLY_CONNECTED.tflite", "\x03\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0",
		"\x03\0\0\0\x09\0\0\0\x01\0\0\0\x02\0\0\0", -EINVAL,
		"operator 0 names tensor 9, there are 4");
	SAYS("FULLY_CONNECTED.tflite", "\x03\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0",
		"\x03\0\0\0\x03\0\0\0\x01\0\0\0\x02\0\0\0", -EINVAL,
		"operator 0 (FULLY_CONNECTED): input 0 ('t3') is no constant, and no operator "
		"before computes it");
	// The declared output, of 8 rows; the new height; the auxiliary input behind the states.
	SAYS("TRANSPOSE_CONV_more.tflite", "\x04\0\0\0\x01\0\0\0\x08\0\0\0\x0a\0\0\0",
		"\x04\0\0\0\x01\0\0\0\x28\0\0\0\x0a\0\0\0", -EINVAL,
		"operator 0 (TRANSPOSE_CONV): its output has 40 places, of which its input reaches "
		"7");
	SAYS("RESIZE_BILINEAR.tflite", "\x08\0\0\0\x06\0\0\0\x07\0\0\0",
		"\x08\0\0\0\0\0\0\0\x07\0\0\0", -EINVAL,
		"operator 0 (RESIZE_BILINEAR): input should have 4 dimensions, the new height and");
	SAYS("BIDIRECTIONAL_SEQUENCE_LSTM.tflite", "\x1c\0\0\0\xff\xff\xff\xff",
		"\x1c\0\0\0\x01\0\0\0", -ENOTSUP,
		"operator 0 (BIDIRECTIONAL_SEQUENCE_LSTM): an auxiliary input, as of stacked "
		"layers, "
		"is not supported");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixtures_score_what_numpy_made),
		cmocka_unit_test(quantised_files_stay_quantised),
		cmocka_unit_test(any_byte_may_be_wrong),
		cmocka_unit_test(any_end_may_be_missing),
		cmocka_unit_test(what_is_wrong_is_said),
	};

	return cmocka_run_group_tests_name("tflite", tests, NULL, NULL);
}
