// SPDX-License-Identifier: BSD-3-Clause
// Models of others with the outputs of ONNX Runtime or sklearn beside them, where the shared folder
// is there (MARTLET_SHARED, ../shared): each compiles and matches or is refused with a sentence.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/parity/parity.h"

#include <glob.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOLERANCE 1e-5

// Models whose weights of some hundreds cancel carry in their names how many decimals their authors
// trust ONNX Runtime's float32 sums with: "-Dec3".
static double tolerance_of(const char *path)
{
	const char *decimals = strstr(path, "-Dec");

	return decimals ? pow(10, -atof(decimals + strlen("-Dec"))) : TOLERANCE;
}

static unsigned n_matched, n_refused;

struct values {
	float *at;
	size_t n;
};

static void append(struct values *values, json_t *list)
{
	size_t i;
	json_t *value;

	values->at = realloc(values->at, (values->n + json_array_size(list) + 1) * sizeof(float));
	assert_non_null(values->at);
	json_array_foreach (list, i, value)
		values->at[values->n++] = (float)json_number_value(value);
}

// Predicted labels are whole numbers or text: no scores.
static bool is_label(json_t *tensor)
{
	json_t *dtype = json_object_get(tensor, "dtype");

	if (json_is_string(dtype))
		return strncmp(json_string_value(dtype), "float", 5) != 0;
	return json_integer_value(dtype) != 1 && json_integer_value(dtype) != 11;
}

// One output: a tensor, a list of rows as maps {label: score}, or ONNX Runtime's zipmap.
static void append_output(struct values *values, json_t *output)
{
	json_t *row, *score, *zipmap = json_object_get(output, "zipmap");
	const char *key;
	size_t i;

	if (zipmap) {
		json_array_foreach (zipmap, i, row)
			append(values, json_object_get(json_object_get(row, "values"), "data"));
	} else if (json_is_array(output)) {
		json_array_foreach (output, i, row) {
			json_t *list = json_array();

			json_object_foreach (row, key, score)
				json_array_append(list, score);
			append(values, list);
			json_decref(list);
		}
	} else if (!is_label(output)) {
		append(values, json_object_get(output, "data"));
	}
}

static void append_outputs(struct values *values, json_t *outputs)
{
	json_t *output;
	size_t i;

	if (json_is_array(outputs)) {
		json_array_foreach (outputs, i, output)
			append_output(values, output);
	} else {
		append_output(values, outputs);
	}
}

// Inputs and expected outputs beside the model, in either of the two forms there are.
static bool read_expected(const char *onnx, struct values *rows, struct values *expected)
{
	int stem = (int)(strlen(onnx) - strlen(".onnx"));
	int folder = (int)(strrchr(onnx, '/') - onnx);
	json_t *inputs, *outputs, *both;
	char path[512];

	snprintf(path, sizeof(path), "%.*s.ort.json", stem, onnx);
	both = json_load_file(path, 0, NULL);
	if (both) {
		append(rows,
			json_object_get(
				json_array_get(json_object_get(both, "inputs"), 0), "data"));
		append_outputs(expected, json_object_get(both, "outputs"));
		json_decref(both);
		return true;
	}
	snprintf(path, sizeof(path), "%.*s/input.json", folder, onnx);
	inputs = json_load_file(path, 0, NULL);
	snprintf(path, sizeof(path), "%.*s/expected_onnxruntime.json", folder, onnx);
	outputs = json_load_file(path, 0, NULL);
	if (inputs && outputs) {
		append(rows, json_object_get(inputs, "data"));
		append_outputs(expected, outputs);
	}
	json_decref(inputs);
	json_decref(outputs);
	return inputs && outputs;
}

static void shared_model_matches_or_is_refused(void **state)
{
	const char *path = *state;
	struct values rows = { 0 }, expected = { 0 };
	struct error err = { "" };
	struct model *model;
	uint32_t in, out;
	size_t size;
	void *image;

	if (model_compile(path, NULL, &image, &size, NULL, &err) != 0) {
		assert_true(err.text[0] != '\0');
		print_message("# refused: %s\n", err.text);
		n_refused++;
		return;
	}
	assert_int_equal(model_open(image, size, NULL, &model, &err), 0);
	in = model_info(model)->n_features;
	out = model_info(model)->n_outputs;
	model_close(model);
	if (read_expected(path, &rows, &expected) && rows.n >= in) {
		size_t n = rows.n / in;
		double difference;

		assert_int_equal(expected.n, n * out);
		difference = parity_difference(image, size, rows.at, n, in, expected.at, out, &err);
		print_message("# %s: %zu rows, largest difference %.2g %s\n", path, n, difference,
			err.text);
		assert_true(difference >= 0 && difference <= tolerance_of(path));
		n_matched++;
	} else {
		print_message("# compiles, nothing to compare with: %s\n", path);
	}
	free(rows.at);
	free(expected.at);
	free(image);
}

static void some_of_them_match(void **state)
{
	print_message("# %u models matched, %u refused\n", n_matched, n_refused);
	assert_true(n_matched >= 38);
}

int main(void)
{
	const char *shared = getenv("MARTLET_SHARED") ? getenv("MARTLET_SHARED") : "../shared";
	static const char *const PATTERNS[] = { "dns-exfil-onnx/*.onnx",
		"sklearn-onnx-2018/*/*.onnx", "sklearn-onnx-misc/*.onnx",
		"fastml-example-models/onnx/*.onnx" };
	struct CMUnitTest *tests;
	glob_t found = { 0 };
	char pattern[512];
	int failed;

	for (size_t i = 0; i < sizeof(PATTERNS) / sizeof(*PATTERNS); i++) {
		snprintf(pattern, sizeof(pattern), "%s/data/models/%s", shared, PATTERNS[i]);
		glob(pattern, i ? GLOB_APPEND : 0, NULL, &found);
	}
	if (found.gl_pathc == 0) {
		printf("1..1\nok 1 - shared_models # SKIP no %s/data/models\n", shared);
		return 0;
	}
	tests = calloc(found.gl_pathc + 1, sizeof(*tests));
	for (size_t i = 0; i < found.gl_pathc; i++)
		tests[i] = (struct CMUnitTest){ .name = strstr(found.gl_pathv[i], "/models/") + 8,
			.test_func = shared_model_matches_or_is_refused,
			.initial_state = found.gl_pathv[i] };
	tests[found.gl_pathc] = (struct CMUnitTest)cmocka_unit_test(some_of_them_match);
	failed = _cmocka_run_group_tests("shared_models", tests, found.gl_pathc + 1, NULL, NULL);
	free(tests);
	globfree(&found);
	return failed;
}
