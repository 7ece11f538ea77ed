// SPDX-License-Identifier: BSD-3-Clause
// ONNX graphs that are wrong in names, operators, opsets, inputs or outputs: each is refused with
// one whole sentence, what a file may leave odd is taken.
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <stdlib.h>
#include <string.h>

static void cycle_is_named(void **state)
{
	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	file_node("Add", "x", "b", "a", NULL)->name = file_name("sum");
	file_relu("a", "b");
	file_output("b");
	file_refused_with(
		-EINVAL, "node 'Relu_1' (Relu): a cycle: its input 'a' depends on its output");
}

static void node_on_itself_is_a_cycle(void **state)
{
	file_small();
	file.nodes[0].input[0] = file_name("y");
	file_refused_with(
		-EINVAL, "node 'Relu_0' (Relu): a cycle: its input 'y' depends on its output");
}

static void dangling_names(void **state)
{
	file_small();
	file.nodes[0].input[0] = file_name("nowhere");
	file_refused_with(
		-EINVAL, "node 'Relu_0' (Relu): input 'nowhere' is defined nowhere in the file");
	file_small();
	file.infos[1].name = file_name("z");
	file_refused_with(-EINVAL, "output 'z' is computed by no node");
}

static void names_given_twice(void **state)
{
	file_small();
	file_relu("x", "y");
	file_refused_with(-EINVAL, "'y' is defined twice; names of values must differ");
	file_small();
	file.nodes[0].output[0] = file_name("x"); // an output of an input's name
	file_refused_with(-EINVAL, "'x' is defined twice; names of values must differ");
	file_small();
	file_input("x", FILE_DIM_OPEN, 2);
	file_refused_with(-EINVAL, "'x' is defined twice; names of values must differ");
	file_small();
	file_weight("w", 2, 0, file_values);
	file_weight("w", 2, 0, file_values);
	file_refused_with(-EINVAL, "'w' is defined twice; names of values must differ");
}

static void names_left_out(void **state)
{
	file_small();
	file.infos[0].name = NULL;
	file_refused_with(-EINVAL, "an input has no name");
	file_small();
	file_weight("", 2, 0, file_values);
	file_refused_with(-EINVAL, "an initialiser has no name");
	file_small();
	file.nodes[0].output[0] = file_name("");
	file_refused_with(-EINVAL, "node 'Relu_0' (Relu): has no output");
	file_small();
	file.nodes[0].input[0] = file_name("");
	file_refused_with(-EINVAL, "node 'Relu_0' (Relu): has 0 inputs, should have 1 to 1");
}

static void graph_inputs_or_outputs_missing(void **state)
{
	file_small();
	file.model.graph = NULL;
	file_refused_with(-EINVAL, "not an ONNX model: it has no graph");
	file_small();
	file.graph.n_input = 0;
	file.nodes[0].n_input = 0;
	file_refused_with(-ENOTSUP, "the model has no inputs");
	file_small();
	file.graph.n_output = 0;
	file_refused_with(-ENOTSUP, "the model has no output of scores");
	file_small();
	file_weight("w", 2, 0, file_values);
	file.nodes[0].input[0] = file_name("w");
	file.infos[1].name = file_name("w");
	file_accepted();
}

static void an_output_that_is_an_input_bears_its_name(void **state)
{
	file_small();
	file_output("x");
	file_accepted();
	assert_int_equal(file_graph->n_outputs, 2);
	assert_string_equal(file_graph->tensors[file_graph->outputs[1].tensor].name, "x");
	assert_string_equal(file_graph->output_names[2], "x[0]");
	assert_int_not_equal(file_graph->outputs[1].tensor, file_graph->inputs[0].tensor);
	(void)state;
}

static void operators_and_domains_unknown(void **state)
{
	file_small();
	file.nodes[0].name = file_name("conv1");
	file.nodes[0].op_type = file_name("Nothing");
	file_refused_with(-ENOTSUP,
		"node 'conv1' (Nothing): operator of ai.onnx not supported; martletctl(1) lists "
		"those that are");
	file.nodes[0].domain = file_name("com.example");
	file_refused_with(-ENOTSUP,
		"node 'conv1' (Nothing): domain 'com.example' is not supported, and the file "
		"has no function of that name; ai.onnx, ai.onnx.ml and com.microsoft are");
}

static void opset_missing_or_unknown(void **state)
{
	static const int64_t WRONG[] = { -1, 29, 999, INT64_MAX, INT64_MIN };
	char sentence[160];

	for (size_t i = 0; i < sizeof(WRONG) / sizeof(*WRONG); i++) {
		file_small();
		file.opsets[0].version = WRONG[i];
		snprintf(sentence, sizeof(sentence),
			"node 'Relu_0' (Relu): the file imports opset %lld of ai.onnx, supported "
			"are "
			"1 to 28",
			(long long)WRONG[i]);
		file_refused_with(-ENOTSUP, sentence);
	}
	for (int form = 0; form < 3; form++) {
		file_small();
		file.opsets[0].version = 0;
		if (form == 1)
			file.model.n_opset_import = 0;
		if (form == 2)
			file.opsets[0].domain = file_name("com.example");
		file_refused_with(-ENOTSUP,
			"node 'Relu_0' (Relu): the file does not say which opset of ai.onnx it was "
			"written for; supported are 1 to 28");
	}
}

static void opset_given_twice(void **state)
{
	file_small();
	file.opsets[1] = file.opsets[0];
	file_accepted();                              // it says the same
	file.opsets[1].domain = file_name("ai.onnx"); // the same domain by its long name
	file.opsets[1].version = 12;
	file_refused_with(
		-EINVAL, "the file imports opset 13 and opset 12 of ai.onnx, should import one");
}

static void ir_version_changes_nothing(void **state)
{
	static const int64_t VERSIONS[] = { 0, 1, 3, 13, 999, -1, INT64_MAX };

	for (size_t i = 0; i < sizeof(VERSIONS) / sizeof(*VERSIONS); i++) {
		file_small();
		file.model.has_ir_version = i != 0;
		file.model.ir_version = VERSIONS[i];
		file_accepted();
	}
}

// A body is a graph in an attribute, slipped in beside what an operator takes.
static void subgraphs(void **state)
{
	Onnx__GraphProto body = ONNX__GRAPH_PROTO__INIT, *bodies[] = { &body };

	file_small();
	file_attr(&file.nodes[0], "body", 5)->g = &body;
	file_refused_with(
		-ENOTSUP, "node 'Relu_0' (Relu): subgraphs and functions are not supported");
	file.attrs[0].g = NULL;
	file.attrs[0].graphs = bodies;
	file.attrs[0].n_graphs = 1;
	file_refused_with(
		-ENOTSUP, "node 'Relu_0' (Relu): subgraphs and functions are not supported");
	file.attrs[0].n_graphs = 0;
	file.attrs[0].ref_attr_name = file_name("outer");
	file_refused_with(
		-ENOTSUP, "node 'Relu_0' (Relu): subgraphs and functions are not supported");
}

static void sparse_initialisers(void **state)
{
	Onnx__SparseTensorProto sparse = ONNX__SPARSE_TENSOR_PROTO__INIT, *list[] = { &sparse };

	file_small();
	file.graph.sparse_initializer = list;
	file.graph.n_sparse_initializer = 1;
	file_refused_with(-EINVAL, "a sparse initialiser has no name");
}

static void inputs_of_kinds_that_are_no_numbers(void **state)
{
	static const struct {
		int type;
		const char *name;
	} CASES[] = { { 0, "UNDEFINED" }, { 14, "COMPLEX64" }, { 15, "COMPLEX128" },
		{ 99, "an unknown type" }, { -1, "an unknown type" } };
	char sentence[160];

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		file_small();
		file.tensors[0].elem_type = CASES[i].type;
		snprintf(sentence, sizeof(sentence),
			"input 'x' has values of type %s; floats, integers and text can be "
			"scored",
			CASES[i].name);
		file_refused_with(-ENOTSUP, sentence);
	}
	file_small();
	file.infos[0].type = NULL;
	file_refused_with(-ENOTSUP, "input 'x' is no tensor; only tensors are scored");
	file_small();
	file.tensors[0].shape = NULL;
	file_refused_with(
		-ENOTSUP, "input 'x' has no shape; give it all its dimensions (--shape 'x=1,...')");
}

static void input_dimensions(void **state)
{
	file_small();
	file.axes[0][1].dim_value = (int64_t)1 << 31;
	file_refused_with(-ENOTSUP,
		"input 'x': dimension 1 is 2147483648; a row has 1 to 16384 features (leave the "
		"batch dimension open when exporting)");
	file.axes[0][1].dim_value = -5;
	file_refused_with(-ENOTSUP,
		"input 'x': dimension 1 is open and no weights tell it; give all dimensions of a "
		"row (--shape 'x=1,...'), or how many features it has (--features)");
	file.axes[0][1].dim_value = 0;
	file_refused_with(-ENOTSUP,
		"input 'x': dimension 1 is 0; a row has 1 to 16384 features (leave the batch "
		"dimension open when exporting)");
	file_small();
	file.axes[0][0].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
	file.axes[0][0].dim_value = (int64_t)1 << 31;
	file_refused_with(-ENOTSUP,
		"input 'x': dimension 0 is 2147483648; a row has 1 to 16384 features (leave the "
		"batch dimension open when exporting)");
	file_begin(13);
	file.in_list[file.graph.n_input++] =
		file_info("x", 4, (const int64_t[]){ FILE_DIM_OPEN, 128, 128, 2 });
	file_relu("x", "y");
	file_output("y");
	file_refused_with(-ENOTSUP,
		"input 'x': its dimensions up to number 3 make 32768 features of a row; a row has "
		"1 "
		"to 16384");
	file_begin(13);
	file_input("a", FILE_DIM_OPEN, 16384);
	file_input("b", FILE_DIM_OPEN, 1);
	file_node("Add", "a", "b", "y", NULL);
	file_output("y");
	file_refused_with(-ENOTSUP, "more than 16384 features in all inputs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cycle_is_named),
		cmocka_unit_test(node_on_itself_is_a_cycle),
		cmocka_unit_test(dangling_names),
		cmocka_unit_test(names_given_twice),
		cmocka_unit_test(names_left_out),
		cmocka_unit_test(graph_inputs_or_outputs_missing),
		cmocka_unit_test_teardown(an_output_that_is_an_input_bears_its_name, file_end),
		cmocka_unit_test(operators_and_domains_unknown),
		cmocka_unit_test(opset_missing_or_unknown),
		cmocka_unit_test(opset_given_twice),
		cmocka_unit_test(ir_version_changes_nothing),
		cmocka_unit_test(subgraphs),
		cmocka_unit_test(sparse_initialisers),
		cmocka_unit_test(inputs_of_kinds_that_are_no_numbers),
		cmocka_unit_test(input_dimensions),
	};
	return cmocka_run_group_tests_name("onnx_hostile", tests, NULL, file_end);
}
