// SPDX-License-Identifier: BSD-3-Clause
// Models of others with the outputs of ONNX Runtime or sklearn beside them, where the shared folder
// is there (MARTLET_SHARED, ../shared): each compiles and matches or is refused with a sentence.
#include "tests/cmocka.h"
#include "tests/parity/parity.h"

#include <glob.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOLERANCE   1e-5
#define OUTPUTS_MAX 4

static unsigned n_matched, n_labels, n_refused;

struct output_values {
	float *at;
	size_t n;
};

// What somebody's run of the model gave: one list for each output, a label's among them.
struct expected {
	struct output_values outputs[OUTPUTS_MAX];
	size_t n;
	bool has_label; // the first
};

static void append_value(struct output_values *values, float value)
{
	values->at = realloc(values->at, (values->n + 1) * sizeof(float));
	assert_non_null(values->at);
	values->at[values->n++] = value;
}

// A text is the number of its column's, or as a label the class's.
static float class_number(const struct model_info *info, const char *label)
{
	struct error err;
	float number;

	for (uint32_t i = 0; i < info->n_class_labels; i++) {
		if (strcmp(info->class_labels[i], label) == 0)
			return (float)i;
	}
	if (info->n_features == 1 && model_text_code(info, 0, label, &number, &err) == 1)
		return number;
	fail_msg("no class '%s'", label);
	return -1;
}

static void append(struct output_values *values, json_t *list, const struct model_info *info)
{
	size_t i;
	json_t *value;

	json_array_foreach (list, i, value)
		append_value(values,
			json_is_string(value) ? class_number(info, json_string_value(value))
					      : (float)json_number_value(value));
}

static bool is_label(json_t *tensor)
{
	json_t *dtype = json_object_get(tensor, "dtype");

	if (!json_is_object(tensor) || !dtype)
		return false;
	if (json_is_string(dtype))
		return strncmp(json_string_value(dtype), "float", 5) != 0;
	return json_integer_value(dtype) != 1 && json_integer_value(dtype) != 11;
}

// One output: a tensor, a list of rows as maps {label: score}, or ONNX Runtime's zipmap.
static void append_output(
	struct output_values *values, json_t *output, const struct model_info *info)
{
	json_t *row, *score, *zipmap = json_object_get(output, "zipmap");
	const char *key;
	size_t i;

	if (zipmap) {
		json_array_foreach (zipmap, i, row)
			append(values, json_object_get(json_object_get(row, "values"), "data"),
				info);
	} else if (json_is_array(output)) {
		json_array_foreach (output, i, row) {
			json_object_foreach (row, key, score)
				append_value(values, (float)json_number_value(score));
		}
	} else {
		append(values, json_object_get(output, "data"), info);
	}
}

static void read_outputs(struct expected *expected, json_t *outputs, const struct model_info *info)
{
	json_t *output;
	size_t i;

	if (!json_is_array(outputs)) {
		append_output(&expected->outputs[0], outputs, info);
		expected->n = 1;
		return;
	}
	assert_true(json_array_size(outputs) <= OUTPUTS_MAX);
	json_array_foreach (outputs, i, output)
		append_output(&expected->outputs[i], output, info);
	expected->n = i;
	expected->has_label = i == 2 && is_label(json_array_get(outputs, 0));
}

static void expected_fini(struct expected *expected)
{
	for (size_t i = 0; i < OUTPUTS_MAX; i++)
		free(expected->outputs[i].at);
	*expected = (struct expected){ .n = 0 };
}

// Row by row in the image's order; false where the counts are not the model's.
static bool line_up(const struct expected *expected, size_t n_rows, uint32_t out, float *lined)
{
	size_t columns = 0;

	for (size_t o = 0; o < expected->n; o++) {
		const struct output_values *values = &expected->outputs[o];
		const size_t n = values->n / n_rows;

		if (values->n % n_rows != 0 || columns + n > out)
			return false;
		for (size_t r = 0; r < n_rows; r++)
			memcpy(lined + r * out + columns, values->at + r * n, n * sizeof(float));
		columns += n;
	}
	return columns == out;
}

// Files of a model: <stem>.ort.json with all in it, or input.json and expected_<whose>.json.
static json_t *load_beside(const char *onnx, bool by_stem, const char *name)
{
	const char *end = by_stem ? strrchr(onnx, '.') : strrchr(onnx, '/') + 1;
	char path[512];

	snprintf(path, sizeof(path), "%.*s%s", (int)(end - onnx), onnx, name);
	return json_load_file(path, 0, NULL);
}

struct subject {
	const char *path;
	const void *image;
	size_t size;
	const struct model_info *info;
	struct output_values rows;
	bool label_only;
};

// sklearn gives one decision for two classes, ONNX Runtime that and its negative.
static void both_sides(struct output_values *decisions)
{
	const size_t n = decisions->n;

	for (size_t i = 0; i < n; i++)
		append_value(decisions, 0);
	for (size_t i = n; i-- > 0;) {
		decisions->at[2 * i + 1] = -decisions->at[i];
		decisions->at[2 * i] = decisions->at[i];
	}
}

static double compare(const struct subject *s, json_t *outputs)
{
	const size_t n = s->rows.n / s->info->n_features;
	struct expected expected = { .n = 0 };
	struct error err = { .text = "" };
	float *lined = calloc(n * s->info->n_outputs + 1, sizeof(float));
	double difference = INFINITY;

	assert_non_null(lined);
	read_outputs(&expected, outputs, s->info);
	if (s->label_only)
		expected.n = 1;
	else if (expected.n == 2 && s->info->n_outputs == 3 && expected.outputs[1].n == n)
		both_sides(&expected.outputs[1]);
	if (line_up(&expected, n, s->info->n_outputs, lined))
		difference = parity_difference(s->image, s->size, s->rows.at, n,
			s->info->n_features, lined, s->info->n_outputs, &err);
	n_labels += difference <= TOLERANCE && expected.has_label;
	expected_fini(&expected);
	free(lined);
	return difference >= 0 ? difference : INFINITY;
}

// Is there a label beside scores? All files of this kind name them so.
static const char *outputs_of(json_t *both, json_t *outputs, char *names, size_t size)
{
	json_t *list = both ? json_object_get(both, "outputs") : outputs;

	if (json_array_size(list) != 2 || !is_label(json_array_get(list, 0)))
		return NULL;
	if (!both)
		return "label,probabilities";
	snprintf(names, size, "%s,%s",
		json_string_value(json_object_get(json_array_get(list, 0), "name")),
		json_string_value(json_object_get(json_array_get(list, 1), "name")));
	return names;
}

static void check(struct subject *s, json_t *both, json_t *input, json_t *ort, json_t *sklearn)
{
	double by_ort, by_sklearn;

	append(&s->rows,
		json_object_get(
			both ? json_array_get(json_object_get(both, "inputs"), 0) : input, "data"),
		s->info);
	if (s->rows.n < s->info->n_features) {
		print_message("# compiles, nothing to compare with: %s\n", s->path);
		return;
	}
	by_ort = both ? compare(s, json_object_get(both, "outputs"))
		: ort ? compare(s, ort)
		      : INFINITY;
	// Where weights of hundreds cancel, ONNX Runtime's float32 sums are 2e-4 off what float64
	// gives, as sklearn has it: the nearer of the two counts.
	by_sklearn = sklearn && !(by_ort <= TOLERANCE) ? compare(s, sklearn) : INFINITY;
	print_message("# %s: %zu rows, difference from ONNX Runtime %.2g, from sklearn %.2g\n",
		s->path, s->rows.n / s->info->n_features, by_ort, by_sklearn);
	assert_true(by_ort <= TOLERANCE || by_sklearn <= TOLERANCE);
	n_matched++;
}

static void shared_model_matches_or_is_refused(void **state)
{
	struct subject s = { .path = *state };
	json_t *both = load_beside(s.path, true, ".ort.json");
	json_t *input = load_beside(s.path, false, "input.json");
	json_t *ort = load_beside(s.path, false, "expected_onnxruntime.json");
	json_t *sklearn = load_beside(s.path, false, "expected_sklearn.json");
	struct compile_options options = { .name = NULL };
	struct error err = { .text = "" };
	struct model *model;
	char names[200];
	void *image;

	options.outputs = outputs_of(both, ort ? ort : sklearn, names, sizeof(names));
	// Its expected decisions are votes that sklearn makes of those of pairs, which are the
	// scores.
	s.label_only = strstr(s.path, "SklearnMclNuSVCPF") != NULL;
	if (s.label_only)
		options.outputs = "label";
	if (model_compile(s.path, &options, &image, &s.size, NULL, &err) != 0) {
		assert_true(err.text[0] != '\0');
		print_message("# refused: %s\n", err.text);
		n_refused++;
	} else {
		s.image = image;
		assert_int_equal(model_open(image, s.size, NULL, &model, &err), 0);
		s.info = model_info(model);
		check(&s, both, input, ort, sklearn);
		model_close(model);
		free(image);
	}
	free(s.rows.at);
	json_decref(both);
	json_decref(input);
	json_decref(ort);
	json_decref(sklearn);
}

static void some_of_them_match(void **state)
{
	print_message("# %u models matched, %u of them with labels, %u refused\n", n_matched,
		n_labels, n_refused);
	assert_true(n_matched >= 35 && n_labels >= 10);
}

int main(void)
{
	const char *shared = getenv("MARTLET_SHARED") ? getenv("MARTLET_SHARED") : "../shared";
	static const char *const PATTERNS[] = { "dns-exfil-onnx/*.onnx",
		"sklearn-onnx-2018/*/*.onnx", "sklearn-onnx-misc/*.onnx",
		"fastml-example-models/onnx/*.onnx", "onnxruntime_go/test_data/*.onnx" };
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
