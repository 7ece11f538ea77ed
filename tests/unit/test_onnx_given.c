// SPDX-License-Identifier: BSD-3-Clause
// Inputs that the command line makes constants.
#include "infer/compile/compile.h"
#include "infer/infer.h"
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <stdlib.h>
#include <string.h>

// x [open, 2] times factor, of a type and shape of the test's choice.
static void times(int type, uint32_t rank, const int64_t *dims, bool cast)
{
	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	file_info("factor", rank, dims)->type->tensor_type->elem_type = type;
	file.graph.input[file.graph.n_input++] = &file.infos[file.n_infos - 1];
	if (cast) {
		Onnx__NodeProto *node = file_node("Cast", "factor", NULL, "f", NULL);

		file_attr(node, "to", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT)->has_i = 1;
		node->attribute[0]->i = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	}
	file_node("Mul", "x", cast ? "f" : "factor", "y", NULL);
	file_output("y");
}

static int compile(const char *fixed, void **image, size_t *image_size)
{
	size_t size;
	uint8_t *bytes = file_pack(&size);
	int rc;

	file_end(NULL);
	rc = compile_bytes("f", bytes, size, &(struct compile_options){ .fixed = fixed }, image,
		image_size, &file_report, &file_err);
	free(bytes);
	return rc;
}

// Rows of 3 and 5 give `first` and `second`.
static void scores(const char *fixed, float first, float second)
{
	const float rows[] = { 3, 5, 6, 10 };
	struct model *model;
	float out[4];
	size_t size;
	void *image, *scratch;
	bool said = false;

	if (compile(fixed, &image, &size) != 0 ||
		model_open(image, size, &(struct model_options){ .no_timing = true }, &model,
			&file_err) != 0)
		fail_msg("%s", file_err.text);
	assert_int_equal(model_info(model)->n_features, 2);
	scratch = aligned_alloc(64, (model_scratch_bytes(model, 2) + 63) & ~(size_t)63);
	model_score(model, rows, out, 2, scratch, 2);
	assert_true(out[0] == first && out[1] == second);
	assert_true(out[2] == 2 * first && out[3] == 2 * second);
	for (size_t i = 0; i < file_report.n_lines; i++)
		said |= strncmp(file_report.lines[i], "input 'factor' is fixed: ", 25) == 0;
	assert_true(said);
	free(scratch);
	model_close(model);
	free(image);
}

static void refuses(const char *fixed, const char *sentence)
{
	size_t size;
	void *image;

	assert_int_equal(compile(fixed, &image, &size), -EINVAL);
	assert_string_equal(file_err.text, sentence);
}

static void a_fixed_number_is_no_feature(void **state)
{
	times(ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 0, NULL, false);
	scores("factor=2.5", 7.5f, 12.5f);
	times(ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 0, NULL, true);
	scores("factor=-4", -12, -20);
	times(ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, 0, NULL, true);
	scores("factor=true", 3, 5);
}

static void one_value_stands_for_as_many_as_there_are(void **state)
{
	times(ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 2, (int64_t[]){ 1, 2 }, false);
	scores("factor=2", 6, 10);
	scores("factor=2,3", 6, 15);
}

static void an_open_batch_has_them_in_each_row(void **state)
{
	times(ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 2, (int64_t[]){ FILE_DIM_OPEN, 2 }, false);
	scores("factor=2,3", 6, 15);
	times(ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 2, (int64_t[]){ FILE_DIM_OPEN, FILE_DIM_OPEN },
		false);
	scores("factor=2,3", 6, 15);
	scores("factor=4", 12, 20);
}

static void values_that_do_not_fit_are_refused(void **state)
{
	times(ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 2, (int64_t[]){ 1, 2 }, false);
	refuses("factor=1,2,3", "f: 3 values are given for input 'factor', which has 2");
	refuses("factor=", "f: value '' of input 'factor' is no number");
	refuses("factor=2,x", "f: value 'x' of input 'factor' is no number");
	refuses("factor",
		"f: value 'factor' should be an input's name, =, and one value or all, "
		"as in sr=16000");
	refuses("facto=1",
		"f: a value is given for input 'facto', which is not there; did you mean "
		"'factor'?");
	times(ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 0, NULL, true);
	refuses("factor=128", "f: value '128' of input 'factor' is no int8");
	refuses("factor=1.5", "f: value '1.5' of input 'factor' is no int8");
	times(ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, 0, NULL, true);
	refuses("factor=2", "f: value '2' of input 'factor' is no bool");
	times(ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 2, (int64_t[]){ 99999, 99999 }, false);
	refuses("factor=2",
		"f: value '2' of input 'factor' is for more values than a row may have");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_fixed_number_is_no_feature, file_end),
		cmocka_unit_test_teardown(one_value_stands_for_as_many_as_there_are, file_end),
		cmocka_unit_test_teardown(an_open_batch_has_them_in_each_row, file_end),
		cmocka_unit_test_teardown(values_that_do_not_fit_are_refused, file_end),
	};

	return cmocka_run_group_tests_name("onnx_given", tests, NULL, NULL);
}
