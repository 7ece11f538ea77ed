// SPDX-License-Identifier: BSD-3-Clause
// What the ONNX importer makes of small files.
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <stdlib.h>
#include <string.h>

static void batch_becomes_one(void **state)
{
	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 4);
	file_relu("x", "y");
	file_output("y");
	file_accepted();
	assert_int_equal(file_graph->n_features, 4);
	assert_int_equal(file_graph->n_columns_out, 4);
	assert_int_equal(file_graph->tensors[file_graph->inputs[0].tensor].dims[0], 1);
	assert_string_equal(file_graph->output_names[3], "y[3]");
}

static void rows_exported_as_one_batch_are_a_batch(void **state)
{
	file_begin(13);
	file_input("x", 789444, 4);
	file_relu("x", "y");
	file_output("y");
	file_accepted();
	assert_int_equal(file_graph->n_features, 4);
	assert_string_equal(file_report.lines[1],
		"input 'x': its first dimension, 789444, is too long for a row: taken as the "
		"batch");
}

static void several_inputs_lie_side_by_side(void **state)
{
	file_begin(13);
	file_input("a", FILE_DIM_OPEN, 1);
	file_input("b", FILE_DIM_OPEN, 1);
	file_node("Add", "a", "b", "y", NULL);
	file_output("y");
	file_relu("a", "z");
	file_output("z");
	file_accepted();
	assert_int_equal(file_graph->n_features, 2);
	assert_int_equal(file_graph->outputs[1].first_column, 1);
	assert_string_equal(file_graph->feature_names[1], "b");
	assert_string_equal(file_graph->output_names[1], "z");
}

static void nodes_in_any_order(void **state)
{
	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	file_relu("m", "y");
	file_relu("x", "m");
	file_output("y");
	file_accepted();
	assert_int_equal(file_graph->n_nodes, 2);
}

static void attribute_of_wrong_type(void **state)
{
	Onnx__AttributeProto *alpha;

	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	alpha = file_attr(file_node("LeakyRelu", "x", NULL, "y", NULL), "alpha", 2);
	alpha->has_i = 1;
	alpha->i = 1;
	file_output("y");
	file_refused(-EINVAL, "attribute 'alpha' is not of the type");
	alpha->type = 1; // says float, holds an integer
	file_refused(-EINVAL, "attribute 'alpha' is not of the type");
	alpha->has_f = 1;
	alpha->f = 0.5f;
	file_accepted();
	assert_true(node_float(&file_graph->nodes[0], ATTR_ALPHA, 0) == 0.5f);
}

static void softmax_before_opset_13_is_flat(void **state)
{
	file_begin(11);
	file.in_list[file.graph.n_input++] =
		file_info("x", 3, (const int64_t[]){ FILE_DIM_OPEN, 2, 3 });
	file_node("Softmax", "x", NULL, "y", NULL);
	file_output("y");
	file_accepted();
	assert_int_equal(file_graph->n_nodes, 3);
	assert_int_equal(file_graph->tensors[file_graph->nodes[1].outputs[0]].dims[1], 6);
	file.opsets[0].version = 13;
	file_accepted();
	assert_int_equal(file_graph->n_nodes, 1);
}

static void reshape_resolves_zero_and_minus_one(void **state)
{
	static int64_t shape[3] = { 0, -1, 2 };
	Onnx__TensorProto *w;

	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 6);
	w = file_weight("s", 3, 0, NULL);
	w->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
	w->n_float_data = 0;
	w->int64_data = shape;
	w->n_int64_data = 3;
	file_node("Reshape", "x", "s", "y", NULL);
	file_output("y");
	file_accepted();
	assert_int_equal(file_graph->tensors[file_graph->outputs[0].tensor].dims[1], 3);
	shape[2] = 4;
	file_refused(-EINVAL, "the new shape holds 4 values, the input has 6");
}

static void classifier_keeps_scores_and_labels(void **state)
{
	static int64_t labels[2] = { 7, 9 };
	Onnx__NodeProto *n;

	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	n = file_node("LinearClassifier", "x", NULL, "label", "scores");
	n->domain = file_name("ai.onnx.ml");
	file_floats(n, "coefficients", file_values, 2);
	file_floats(n, "intercepts", file_values + 2, 1);
	file_ints(n, "classlabels_ints", labels, 2);
	file_output("label");
	file_output("scores");
	file_accepted();
	assert_int_equal(file_graph->n_columns_out, 2);
	assert_string_equal(file_graph->class_labels[1], "9");
	assert_int_equal(file_report.n_lines, 2);
	// One row, two labels: [1 - s, s], as ONNX Runtime has it.
	const float *w = file_graph->tensors[file_graph->nodes[0].inputs[1]].data;
	const float *b = file_graph->tensors[file_graph->nodes[0].inputs[2]].data;
	assert_true(w[0] == -1 && w[1] == 1 && w[2] == -2 && w[3] == 2 && b[0] == -2 && b[1] == 3);
	file.attrs[0].n_floats = 3;
	file_refused(-EINVAL, "3 coefficients");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batch_becomes_one),
		cmocka_unit_test(rows_exported_as_one_batch_are_a_batch),
		cmocka_unit_test(several_inputs_lie_side_by_side),
		cmocka_unit_test(nodes_in_any_order),
		cmocka_unit_test(attribute_of_wrong_type),
		cmocka_unit_test(softmax_before_opset_13_is_flat),
		cmocka_unit_test(reshape_resolves_zero_and_minus_one),
		cmocka_unit_test(classifier_keeps_scores_and_labels),
	};
	return cmocka_run_group_tests_name("onnx", tests, NULL, file_end);
}
