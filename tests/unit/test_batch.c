// SPDX-License-Identifier: BSD-3-Clause
// Which dimension of a file is its batch, and the proof that its rows do not depend on each other.
#include "infer/compile/compile.h"
#include "infer/infer.h"
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <stdlib.h>
#include <string.h>

static struct compile_report report;
static struct error err;

static int end(void **state)
{
	compile_report_fini(&report);
	return file_end(state);
}

// Compiles the file at hand; 0 and its features, or the refusal in `err`.
static int compile(const struct compile_options *options, uint32_t *n_features)
{
	size_t size, image_size;
	uint8_t *bytes = file_pack(&size);
	struct model *model;
	void *image;
	int rc;

	end(NULL);
	rc = compile_bytes("f", bytes, size, options, &image, &image_size, &report, &err);
	free(bytes);
	*n_features = 0;
	if (rc == 0 && model_open(image, image_size, NULL, &model, &err) == 0) {
		*n_features = model_info(model)->n_features;
		model_close(model);
	}
	free(image);
	return rc;
}

static void compiles_to(
	const struct compile_options *options, uint32_t n_features, const char *line)
{
	uint32_t n;
	bool found = line == NULL;

	if (compile(options, &n) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(n, n_features);
	for (size_t i = 0; i < report.n_lines; i++)
		found |= line && strcmp(report.lines[i], line) == 0;
	assert_true(found);
}

static void refuses(const struct compile_options *options, int code, const char *sentence)
{
	uint32_t n;

	assert_int_equal(compile(options, &n), code);
	assert_string_equal(err.text, sentence);
}

static void softmax_over(int64_t axis)
{
	Onnx__NodeProto *node;

	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 3);
	node = file_node("Softmax", "x", NULL, "y", NULL);
	file_attr(node, "axis", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT)->has_i = 1;
	node->attribute[0]->i = axis;
	file_output("y");
}

static void rows_that_are_mixed_are_refused(void **state)
{
	softmax_over(0);
	refuses(NULL, -ENOTSUP,
		"f: node 'Softmax_0' (Softmax): what it gives for a row depends on the other rows "
		"of its batch; rows are scored by themselves only where you say so: --shape "
		"'x=1,3'");
	softmax_over(1);
	compiles_to(NULL, 3, NULL);
}

static void rows_that_are_mixed_are_scored_where_it_is_said(void **state)
{
	softmax_over(0);
	compiles_to(&(struct compile_options){ .shapes = "x=1,3" }, 3,
		"rows of a batch depend on each other by node 'Softmax_0': scores are those of a "
		"row by itself");
}

// x [first, 2] times w [2, 3], of an exporter of today.
static void product(int64_t first, int64_t width)
{
	file_begin(13);
	file.model.has_ir_version = 1;
	file.model.ir_version = 8;
	file_input("x", first, width);
	file_weight("w", 2, 3, file_values);
	file_node("MatMul", "x", "w", "y", NULL);
	file_output("y");
}

static void a_fixed_batch_is_taken_where_rows_are_apart(void **state)
{
	product(4, 2);
	compiles_to(NULL, 2,
		"input 'x' [4, 2]: its first dimension is taken as the batch, a row is 2 features "
		"(--shape makes it a part of the row)");
	compiles_to(&(struct compile_options){ .shapes = "x=4,2" }, 8, NULL);
	compiles_to(&(struct compile_options){ .shapes = "x=1,2" }, 2, NULL);
}

static void a_fixed_batch_of_mixed_rows_is_a_row(void **state)
{
	static int64_t axes[] = { 0 };
	Onnx__NodeProto *node;

	product(4, 2);
	file.nodes[0].output[0] = file_name("p");
	node = file_node("ReduceMax", "p", NULL, "m", NULL);
	file_ints(node, "axes", axes, 1);
	file_node("Sub", "p", "m", "y", NULL);
	compiles_to(NULL, 8,
		"input 'x' [4, 2] is one row of 8 features; export with an open first dimension if "
		"4 is the batch");
}

// The batch also stands in a shape that the file spells out, [4, 3, 1] and [12, 1], and in a constant
// that is the same for all rows.
static void a_fixed_batch_in_shapes_and_constants(void **state)
{
	static int64_t shapes[][3] = { { 4, 3, 1 }, { 12, 1, 0 } };
	static float zeros[12];

	for (int i = 0; i < 2; i++) {
		Onnx__TensorProto *shape;

		product(4, 2);
		file.nodes[0].output[0] = file_name("p");
		shape = file_weight("s", 3 - i, 0, NULL);
		shape->n_float_data = 0;
		shape->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
		shape->int64_data = shapes[i];
		shape->n_int64_data = (size_t)(3 - i);
		file_weight("z", 4, 3, zeros);
		file_node("Add", "p", "z", "q", NULL);
		file_node("Reshape", "q", "s", i ? "r" : "y", NULL);
		if (i == 1) { // back to a first dimension of 4
			static int64_t back[] = { 4, 3 };

			shape = file_weight("t", 2, 0, NULL);
			shape->n_float_data = 0;
			shape->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
			shape->int64_data = back;
			shape->n_int64_data = 2;
			file_node("Reshape", "r", "t", "y", NULL);
		}
		compiles_to(NULL, 2,
			"input 'x' [4, 2]: its first dimension is taken as the batch, a row is 2 "
			"features (--shape makes it a part of the row)");
	}
}

// x [3, 4, 2], time before the batch, as PyTorch's recurrent layers have it by default.
static void a_fixed_batch_may_stand_behind_time(void **state)
{
	static int64_t axes[] = { 0 };
	static const int64_t dims[] = { 3, 4, 2 };

	product(4, 2);
	file.in_list[0] = file_info("x", 3, dims);
	file.nodes[0].input[0] = file_name("m");
	file_ints(file_node("ReduceMax", "x", NULL, "m", NULL), "axes", axes, 1);
	file.node_list[0] = &file.nodes[1];
	file.node_list[1] = &file.nodes[0];
	compiles_to(NULL, 6,
		"input 'x' [3, 4, 2]: its second dimension is taken as the batch, a row is 6 "
		"features (--shape makes it a part of the row)");
}

static void an_open_width_is_told_by_weights(void **state)
{
	product(FILE_DIM_OPEN, FILE_DIM_OPEN);
	compiles_to(NULL, 2, "input 'x': its open dimension 1 is 2, by weights");
}

static void an_open_width_is_given(void **state)
{
	static const char OPEN[] =
		"f: input 'x': dimension 1 is open and no weights tell it; give all dimensions of "
		"a row (--shape 'x=1,...'), or how many features it has (--features)";

	file_begin(13);
	file_input("x", FILE_DIM_OPEN, FILE_DIM_OPEN);
	file_relu("x", "y");
	file_output("y");
	refuses(NULL, -ENOTSUP, OPEN);
	compiles_to(&(struct compile_options){ .feature_names = "7" }, 7, NULL);
	compiles_to(&(struct compile_options){ .shapes = "x=1,5" }, 5, NULL);
	product(FILE_DIM_OPEN, 2);
	refuses(&(struct compile_options){ .feature_names = "7" }, -EINVAL,
		"7 features are said, the model has 2");
}

static void shapes_that_fit_no_input_are_refused(void **state)
{
	static const struct {
		const char *shapes, *sentence;
	} CASES[] = {
		{ "X=1,2",
			"f: a shape is given for input 'X', which is not there; did you mean "
			"'x'?" },
		{ "x",
			"f: shape 'x' should be an input's name, =, and all its dimensions, as in "
			"x=1,50,39" },
		{ "x=1,0", "f: shape '1,0' of input 'x' should be 1 to 8 whole numbers above 0" },
		{ "x=1,2,", "f: shape '1,2,' of input 'x' should be 1 to 8 whole numbers above 0" },
		{ "x=1,99999999999",
			"f: shape '1,99999999999' of input 'x' should be 1 to 8 whole "
			"numbers above 0" },
		{ "x=1,2,3", "f: input 'x' has 2 dimensions, 3 are given" },
		{ "x=1,3", "f: input 'x': dimension 1 is 2 in the file, 3 is given" },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		product(FILE_DIM_OPEN, 2);
		refuses(&(struct compile_options){ .shapes = CASES[i].shapes }, -EINVAL,
			CASES[i].sentence);
	}
	product(FILE_DIM_OPEN, FILE_DIM_OPEN);
	refuses(&(struct compile_options){ .shapes = "x=99999,99999" }, -ENOTSUP,
		"f: input 'x': dimension 0 is 99999; a row has 1 to 16384 features (leave the "
		"batch "
		"dimension open when exporting)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_that_are_mixed_are_refused),
		cmocka_unit_test(rows_that_are_mixed_are_scored_where_it_is_said),
		cmocka_unit_test(a_fixed_batch_is_taken_where_rows_are_apart),
		cmocka_unit_test(a_fixed_batch_of_mixed_rows_is_a_row),
		cmocka_unit_test(a_fixed_batch_in_shapes_and_constants),
		cmocka_unit_test(a_fixed_batch_may_stand_behind_time),
		cmocka_unit_test(an_open_width_is_told_by_weights),
		cmocka_unit_test(an_open_width_is_given),
		cmocka_unit_test(shapes_that_fit_no_input_are_refused),
	};
	return cmocka_run_group_tests_name("batch", tests, NULL, end);
}
