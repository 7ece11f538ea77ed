// SPDX-License-Identifier: BSD-3-Clause
// Which of several names wins, as docs/martletctl.1 says under "model compile": the command line,
// then for features the header of --rows, then what operators say, then the file's metadata.
#include "infer/compile/compile.h"
#include "infer/infer.h"
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPERATOR = 1, ZIPMAP = 2, METADATA = 4 };

static struct model *model;

// A classifier of two features and two classes that names them wherever `from` says.
static void compile(unsigned from, const struct compile_options *options)
{
	static int64_t ints[2] = { 7, 9 };
	static ProtobufCBinaryData strings[2] = { { 1, (uint8_t *)"p" }, { 1, (uint8_t *)"q" } };
	const struct model_options rules = { .no_timing = true };
	struct error err = { .text = "" };
	Onnx__AttributeProto *labels;
	Onnx__NodeProto *n;
	size_t size, image_size;
	uint8_t *bytes;
	void *image;

	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	n = file_node("LinearClassifier", "x", NULL, "label", "scores");
	n->domain = file_name("ai.onnx.ml");
	file_floats(n, "coefficients", file_values, 4);
	file_floats(n, "intercepts", file_values, 2);
	if (from & OPERATOR)
		file_ints(n, "classlabels_ints", ints, 2);
	n = file_node("ZipMap", "scores", NULL, "y", NULL);
	n->domain = file_name("ai.onnx.ml");
	if (from & ZIPMAP) {
		labels = file_attr(n, "classlabels_strings", 8);
		labels->strings = strings;
		labels->n_strings = 2;
	}
	file_output("y");
	if (from & METADATA) {
		file_metadata("class_labels", "meta a,meta b");
		file_metadata("feature_names", "meta x,meta y");
	}
	bytes = file_pack(&size);
	file_end(NULL);
	if (compile_bytes("f", bytes, size, options, &image, &image_size, &file_report, &err) !=
			0 ||
		model_open(image, image_size, &rules, &model, &err) != 0)
		fail_msg("%s", err.text);
	free(image);
	free(bytes);
}

static void classes_are(const char *first, const char *output)
{
	const struct model_info *info = model_info(model);

	assert_string_equal(info->n_class_labels ? info->class_labels[0] : "none", first);
	assert_string_equal(info->output_names[0], output);
	model_close(model);
}

static void first_feature_is(const char *name)
{
	assert_string_equal(model_info(model)->feature_names[0], name);
	model_close(model);
}

static void class_labels_by_precedence(void **state)
{
	const struct compile_options options = { .class_labels = "own a,own b" };

	compile(0, NULL);
	classes_are("none", "y[0]");
	compile(METADATA, NULL);
	classes_are("meta a", "y[meta a]");
	compile(METADATA | ZIPMAP, NULL);
	classes_are("p", "y[p]");
	compile(METADATA | OPERATOR, NULL);
	classes_are("7", "y[7]");
	// The operator may be one of several that the scores are made of.
	compile(METADATA | ZIPMAP | OPERATOR, NULL);
	classes_are("p", "y[p]");
	compile(METADATA | ZIPMAP | OPERATOR, &options);
	classes_are("own a", "y[own a]");
}

static void feature_names_by_precedence(void **state)
{
	static const char ROWS[] = "csv x,csv y\n1,2\n11,22\n";
	char path[] = "/tmp/test_onnx_labels_XXXXXX.csv";
	struct compile_options options = { .rows_path = path };
	int fd = mkstemps(path, 4);

	assert_int_equal(write(fd, ROWS, sizeof(ROWS) - 1), sizeof(ROWS) - 1);
	close(fd);
	compile(0, NULL);
	first_feature_is("x0");
	compile(METADATA, NULL);
	first_feature_is("meta x");
	compile(0, &options);
	first_feature_is("csv x");
	options.rows.columns = "1,2"; // by position: the names are others
	compile(METADATA, &options);
	first_feature_is("meta x");
	options.feature_names = "own x,own y";
	compile(METADATA, &options);
	first_feature_is("own x");
	unlink(path);
}

// Only rows say in which range a feature lies; no file does, whatever its metadata holds.
static void input_scale_is_of_the_rows(void **state)
{
	static const char ROWS[] = "1,-5\n128,249\n";
	char path[] = "/tmp/test_onnx_labels_XXXXXX.csv";
	const struct compile_options options = { .rows_path = path };
	int fd = mkstemps(path, 4);

	assert_int_equal(write(fd, ROWS, sizeof(ROWS) - 1), sizeof(ROWS) - 1);
	close(fd);
	compile(METADATA, NULL);
	assert_true(model_info(model)->input_scale[1] == 1.0f);
	assert_true(model_info(model)->input_zero[1] == 0.0f);
	model_close(model);
	compile(METADATA, &options);
	assert_true(model_info(model)->input_scale[0] == 1.0f); // 127 steps of 1 from 1
	assert_true(model_info(model)->input_zero[0] == -1.0f);
	assert_true(model_info(model)->input_scale[1] == 2.0f);
	assert_true(model_info(model)->input_zero[1] == 2.5f);
	model_close(model);
	unlink(path);
}

static void metadata_of_another_length_is_not_kept(void **state)
{
	static const char *const LISTS[] = { "", "a", "a,b,c", "a,", ",b", "," };
	char line[80];

	for (size_t i = 0; i < sizeof(LISTS) / sizeof(*LISTS); i++) {
		file_small();
		file_metadata("class_labels", LISTS[i]);
		file_metadata("feature_names", LISTS[i]);
		file_accepted();
		assert_int_equal(file_graph->n_class_labels, 0);
		assert_null(file_graph->feature_names);
		assert_int_equal(file_report.n_lines, 3);
		snprintf(line, sizeof(line),
			"metadata 'class_labels' is not a list of 2 names: not kept");
		assert_string_equal(file_report.lines[1], line);
	}
}

static void options_of_another_length_are_refused(void **state)
{
	static const struct {
		struct compile_options options;
		const char *sentence;
	} CASES[] = {
		{ { .class_labels = "a" }, "1 class labels are given, the model has 2" },
		{ { .class_labels = "a,b,c" }, "3 class labels are given, the model has 2" },
		{ { .class_labels = "a," }, "class labels: number 2 is empty" },
		{ { .feature_names = "" }, "1 feature names are given, the model has 2" },
		{ { .feature_names = ",b" }, "feature names: number 1 is empty" },
	};
	size_t size, image_size;
	uint8_t *bytes;
	void *image;

	file_small();
	bytes = file_pack(&size);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct error err = { .text = "" };

		assert_int_equal(compile_bytes("f", bytes, size, &CASES[i].options, &image,
					 &image_size, NULL, &err),
			-EINVAL);
		assert_non_null(strstr(err.text, CASES[i].sentence));
	}
	free(bytes);
}

// --- Predicted classes --------------------------------------------------------------------------

// Scores of a linear classifier of three classes, 4, 5 and 6, with the outputs in `list`.
static void score_outputs(const char *list, const float *rows, uint32_t n, float *outputs)
{
	const struct compile_options options = { .outputs = list };
	const struct model_options rules = { .no_timing = true };
	struct error err = { .text = "" };
	size_t size;
	void *image, *scratch;

	if (model_compile("tests/fixtures/operators/models/linear_classifier_label.onnx", &options,
		    &image, &size, NULL, &err) != 0 ||
		model_open(image, size, &rules, &model, &err) != 0)
		fail_msg("%s", err.text);
	scratch = aligned_alloc(64, (model_scratch_bytes(model, n) + 63) & ~(size_t)63);
	assert_non_null(scratch);
	model_score(model, rows, outputs, n, scratch, n);
	free(scratch);
	free(image);
}

static void label_and_scores_both_reachable(void **state)
{
	float rows[40 * 5], outputs[40 * 4];
	unsigned seen = 0;

	(void)state;
	for (uint32_t i = 0; i < 40 * 5; i++)
		rows[i] = (float)(i * 37 % 101) / 10 - 5;
	score_outputs("label,y", rows, 40, outputs);
	assert_int_equal(model_info(model)->n_outputs, 4);
	assert_string_equal(model_info(model)->output_names[0], "label");
	assert_string_equal(model_info(model)->output_names[2], "y[5]");
	for (uint32_t r = 0; r < 40; r++) {
		const float *scores = outputs + r * 4 + 1;
		int best = 0;

		for (int c = 1; c < 3; c++)
			best = scores[c] > scores[best] ? c : best;
		assert_int_equal(outputs[(size_t)r * 4], 4 + best);
		seen |= 1u << best;
	}
	assert_int_equal(seen, 7);
	model_close(model);
}

static void outputs_in_the_order_asked_for(void **state)
{
	const float row[5] = { 1, -2, 3, 0.5f, -1 };
	float first[4], second[4], label;

	(void)state;
	score_outputs("label,y", row, 1, first);
	model_close(model);
	score_outputs("y,label", row, 1, second);
	assert_string_equal(model_info(model)->output_names[3], "label");
	model_close(model);
	assert_memory_equal(first + 1, second, 3 * sizeof(float));
	assert_true(first[0] == second[3]);
	score_outputs("label", row, 1, &label);
	assert_int_equal(model_info(model)->n_outputs, 1);
	model_close(model);
	assert_true(label == first[0]);
}

static void outputs_that_are_not_there(void **state)
{
	static const struct {
		const char *list, *sentence;
	} CASES[] = {
		{ "label,score", "output 'score' is not there; the model has label, y" },
		{ "y,y", "output 'y' is named twice; the model has label, y" },
		{ "", "output '' is not there; the model has label, y" },
		{ "y,", "output '' is not there; the model has label, y" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		const struct compile_options options = { .outputs = CASES[i].list };
		struct error err = { .text = "" };
		size_t size;
		void *image = NULL;

		assert_int_equal(
			model_compile(
				"tests/fixtures/operators/models/linear_classifier_label.onnx",
				&options, &image, &size, NULL, &err),
			-EINVAL);
		assert_non_null(strstr(err.text, CASES[i].sentence));
		free(image);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(label_and_scores_both_reachable),
		cmocka_unit_test(outputs_in_the_order_asked_for),
		cmocka_unit_test(outputs_that_are_not_there),
		cmocka_unit_test(class_labels_by_precedence),
		cmocka_unit_test(feature_names_by_precedence),
		cmocka_unit_test(input_scale_is_of_the_rows),
		cmocka_unit_test(metadata_of_another_length_is_not_kept),
		cmocka_unit_test(options_of_another_length_are_refused),
	};
	return cmocka_run_group_tests_name("onnx_labels", tests, NULL, file_end);
}
