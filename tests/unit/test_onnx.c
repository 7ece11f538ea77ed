// SPDX-License-Identifier: BSD-3-Clause
// What the ONNX importer makes of small files built here, and the sentence for each that is wrong.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "infer/import/import.h"

#include "onnx.pb-c.h"

#include <stdlib.h>
#include <string.h>

#define DIM_OPEN INT64_MIN
#define LIST_MAX 16

// protobuf-c's structs hold names without const, and nothing here writes to them.
static char *name_of(const char *text)
{
	return (char *)(uintptr_t)text;
}

// A file in the making; everything static, one at a time.
static struct {
	Onnx__ModelProto model;
	Onnx__GraphProto graph;
	Onnx__OperatorSetIdProto opsets[2], *opset_list[2];
	Onnx__NodeProto nodes[LIST_MAX], *node_list[LIST_MAX];
	char *names[LIST_MAX][2][4];
	Onnx__AttributeProto attrs[LIST_MAX], *attr_list[LIST_MAX];
	Onnx__TensorProto weights[LIST_MAX], *weight_list[LIST_MAX];
	int64_t dims[LIST_MAX][4];
	Onnx__ValueInfoProto infos[LIST_MAX], *in_list[LIST_MAX], *out_list[LIST_MAX];
	Onnx__TypeProto types[LIST_MAX];
	Onnx__TypeProto__Tensor tensors[LIST_MAX];
	Onnx__TensorShapeProto shapes[LIST_MAX];
	Onnx__TensorShapeProto__Dimension axes[LIST_MAX][4], *axis_list[LIST_MAX][4];
	size_t n_attrs, n_infos;
} f;
static struct graph *graph;
static struct compile_report report;
static struct error err;

static void begin(int64_t opset)
{
	memset(&f, 0, sizeof(f));
	onnx__model_proto__init(&f.model);
	onnx__graph_proto__init(&f.graph);
	for (int i = 0; i < 2; i++) {
		onnx__operator_set_id_proto__init(&f.opsets[i]);
		f.opset_list[i] = &f.opsets[i];
		f.opsets[i].has_version = 1;
	}
	f.opsets[0].version = opset;
	f.opsets[1].version = 2;
	f.opsets[1].domain = name_of("ai.onnx.ml");
	f.model.opset_import = f.opset_list;
	f.model.n_opset_import = 2;
	f.model.graph = &f.graph;
	f.graph.node = f.node_list;
	f.graph.initializer = f.weight_list;
	f.graph.input = f.in_list;
	f.graph.output = f.out_list;
}

static Onnx__ValueInfoProto *info(const char *name, uint32_t rank, const int64_t *dims)
{
	size_t n = f.n_infos++;

	onnx__value_info_proto__init(&f.infos[n]);
	onnx__type_proto__init(&f.types[n]);
	onnx__type_proto__tensor__init(&f.tensors[n]);
	onnx__tensor_shape_proto__init(&f.shapes[n]);
	f.infos[n].name = name_of(name);
	f.infos[n].type = &f.types[n];
	f.types[n].value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	f.types[n].tensor_type = &f.tensors[n];
	f.tensors[n].has_elem_type = 1;
	f.tensors[n].elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	f.tensors[n].shape = &f.shapes[n];
	f.shapes[n].dim = f.axis_list[n];
	f.shapes[n].n_dim = rank;
	for (uint32_t d = 0; d < rank; d++) {
		f.axis_list[n][d] = &f.axes[n][d];
		onnx__tensor_shape_proto__dimension__init(&f.axes[n][d]);
		if (dims[d] == DIM_OPEN)
			continue;
		f.axes[n][d].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		f.axes[n][d].dim_value = dims[d];
	}
	return &f.infos[n];
}

static void input(const char *name, int64_t d0, int64_t d1)
{
	f.in_list[f.graph.n_input++] = info(name, 2, (const int64_t[]){ d0, d1 });
}

static void output(const char *name)
{
	f.out_list[f.graph.n_output++] = info(name, 0, NULL);
}

static Onnx__TensorProto *weight(const char *name, int64_t d0, int64_t d1, float *values)
{
	size_t n = f.graph.n_initializer++;
	Onnx__TensorProto *w = &f.weights[n];

	f.weight_list[n] = w;
	onnx__tensor_proto__init(w);
	w->name = name_of(name);
	w->has_data_type = 1;
	w->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	f.dims[n][0] = d0;
	f.dims[n][1] = d1;
	w->dims = f.dims[n];
	w->n_dims = d1 ? 2 : 1;
	w->float_data = values;
	w->n_float_data = (size_t)(d0 * (d1 ? d1 : 1));
	return w;
}

static Onnx__NodeProto *node(
	const char *type, const char *in0, const char *in1, const char *out0, const char *out1)
{
	size_t n = f.graph.n_node++;
	Onnx__NodeProto *made = &f.nodes[n];

	f.node_list[n] = made;
	onnx__node_proto__init(made);
	made->op_type = name_of(type);
	made->input = f.names[n][0];
	made->output = f.names[n][1];
	made->input[0] = name_of(in0);
	made->input[1] = name_of(in1);
	made->output[0] = name_of(out0);
	made->output[1] = name_of(out1);
	made->n_input = (in0 != NULL) + (in1 != NULL);
	made->n_output = (out0 != NULL) + (out1 != NULL);
	return made;
}

static Onnx__AttributeProto *attr(Onnx__NodeProto *to, const char *name, int type)
{
	Onnx__AttributeProto *made = &f.attrs[f.n_attrs];

	onnx__attribute_proto__init(made);
	f.attr_list[f.n_attrs++] = made;
	if (to->n_attribute++ == 0)
		to->attribute = &f.attr_list[f.n_attrs - 1];
	made->name = name_of(name);
	made->has_type = 1;
	made->type = type;
	return made;
}

static int import(void)
{
	size_t size = onnx__model_proto__get_packed_size(&f.model);
	uint8_t *bytes = malloc(size);
	int rc;

	onnx__model_proto__pack(&f.model, bytes);
	graph_destroy(graph);
	compile_report_fini(&report);
	err.text[0] = '\0';
	rc = import_onnx(bytes, size, &graph, &report, &err);
	free(bytes);
	return rc;
}

static void refused(int code, const char *part)
{
	int rc = import();

	if (!strstr(err.text, part))
		fail_msg("'%s' lacks '%s'", err.text, part);
	assert_int_equal(rc, code);
	assert_null(graph);
}

static void accepted(void)
{
	if (import() != 0)
		fail_msg("%s", err.text);
}

static float VALUES[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static void relu(const char *in, const char *out)
{
	node("Relu", in, NULL, out, NULL);
}

static void batch_becomes_one(void **state)
{
	begin(13);
	input("x", DIM_OPEN, 4);
	relu("x", "y");
	output("y");
	accepted();
	assert_int_equal(graph->n_features, 4);
	assert_int_equal(graph->n_columns_out, 4);
	assert_int_equal(graph->tensors[graph->inputs[0].tensor].dims[0], 1);
	assert_string_equal(graph->output_names[3], "y[3]");
}

static void several_inputs_lie_side_by_side(void **state)
{
	begin(13);
	input("a", DIM_OPEN, 1);
	input("b", DIM_OPEN, 1);
	node("Add", "a", "b", "y", NULL);
	output("y");
	relu("a", "z");
	output("z");
	accepted();
	assert_int_equal(graph->n_features, 2);
	assert_int_equal(graph->outputs[1].first_column, 1);
	assert_string_equal(graph->feature_names[1], "b");
	assert_string_equal(graph->output_names[1], "z");
}

static void nodes_in_any_order(void **state)
{
	begin(13);
	input("x", DIM_OPEN, 2);
	relu("m", "y");
	relu("x", "m");
	output("y");
	accepted();
	assert_int_equal(graph->n_nodes, 2);
}

static void cycle(void **state)
{
	begin(13);
	input("x", DIM_OPEN, 2);
	node("Add", "x", "b", "a", NULL);
	relu("a", "b");
	output("b");
	refused(-EINVAL, "a cycle");
}

static void names_that_dangle_or_repeat(void **state)
{
	begin(13);
	input("x", DIM_OPEN, 2);
	relu("nowhere", "y");
	output("y");
	refused(-EINVAL, "input 'nowhere' is defined nowhere");
	begin(13);
	input("x", DIM_OPEN, 2);
	relu("x", "y");
	relu("x", "y");
	output("y");
	refused(-EINVAL, "'y' is defined twice");
	begin(13);
	input("x", DIM_OPEN, 2);
	relu("x", "y");
	output("z");
	refused(-EINVAL, "output 'z' is computed by no node");
}

static void operator_unknown(void **state)
{
	begin(13);
	input("x", DIM_OPEN, 2);
	node("Conv", "x", NULL, "y", NULL)->name = name_of("conv1");
	output("y");
	refused(-ENOTSUP, "node 'conv1' (Conv): operator not supported; supported are Gemm");
	f.nodes[0].op_type = name_of("Relu");
	f.nodes[0].domain = name_of("com.example");
	refused(-ENOTSUP, "domain 'com.example' is not supported");
	f.nodes[0].domain = name_of("");
	f.opsets[0].version = 26;
	refused(-ENOTSUP, "the file imports opset 26 of ai.onnx, supported are 1 to 25");
	f.model.n_opset_import = 0;
	refused(-ENOTSUP,
		"the file does not say which opset of ai.onnx it was written for; "
		"supported are 1 to 25");
}

static void dimensions_too_large_or_open(void **state)
{
	begin(13);
	input("x", DIM_OPEN, (int64_t)1 << 31);
	relu("x", "y");
	output("y");
	refused(-ENOTSUP, "dimension 1 is 2147483648");
	begin(13);
	input("x", 4, DIM_OPEN);
	relu("x", "y");
	output("y");
	refused(-ENOTSUP, "dimension 1 is open");
}

static void weights_that_lie(void **state)
{
	Onnx__TensorProto *w;

	begin(13);
	input("x", DIM_OPEN, 2);
	w = weight("w", 2, 2, VALUES);
	node("MatMul", "x", "w", "y", NULL);
	output("y");
	accepted();
	w->n_float_data = 3;
	refused(-EINVAL, "initialiser 'w' holds other than the 4 values");
	w->n_float_data = 4;
	f.dims[0][0] = (int64_t)1 << 31;
	refused(-EINVAL, "dimension of 2147483648");
	f.dims[0][0] = -1;
	refused(-EINVAL, "dimension of -1");
	f.dims[0][0] = 4;
	f.dims[0][1] = 1;
	refused(-EINVAL, "inner dimensions");
	w->has_data_location = 1;
	w->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
	refused(-ENOTSUP, "lies in another file");
}

static void attribute_of_wrong_type(void **state)
{
	Onnx__AttributeProto *alpha;

	begin(13);
	input("x", DIM_OPEN, 2);
	alpha = attr(node("LeakyRelu", "x", NULL, "y", NULL), "alpha", 2);
	alpha->has_i = 1;
	alpha->i = 1;
	output("y");
	refused(-EINVAL, "attribute 'alpha' is not of the type");
	alpha->type = 1; // says float, holds an integer
	refused(-EINVAL, "attribute 'alpha' is not of the type");
	alpha->has_f = 1;
	alpha->f = 0.5f;
	accepted();
	assert_true(node_float(&graph->nodes[0], ATTR_ALPHA, 0) == 0.5f);
}

static void softmax_before_opset_13_is_flat(void **state)
{
	begin(11);
	f.in_list[f.graph.n_input++] = info("x", 3, (const int64_t[]){ DIM_OPEN, 2, 3 });
	node("Softmax", "x", NULL, "y", NULL);
	output("y");
	accepted();
	assert_int_equal(graph->n_nodes, 3);
	assert_int_equal(graph->tensors[graph->nodes[1].outputs[0]].dims[1], 6);
	f.opsets[0].version = 13;
	accepted();
	assert_int_equal(graph->n_nodes, 1);
}

static void reshape_resolves_zero_and_minus_one(void **state)
{
	static int64_t shape[3] = { 0, -1, 2 };
	Onnx__TensorProto *w;

	begin(13);
	input("x", DIM_OPEN, 6);
	w = weight("s", 3, 0, NULL);
	w->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
	w->n_float_data = 0;
	w->int64_data = shape;
	w->n_int64_data = 3;
	node("Reshape", "x", "s", "y", NULL);
	output("y");
	accepted();
	assert_int_equal(graph->tensors[graph->outputs[0].tensor].dims[1], 3);
	shape[2] = 4;
	refused(-EINVAL, "the new shape holds 4 values, the input has 6");
}

static void classifier_keeps_scores_and_labels(void **state)
{
	static int64_t labels[2] = { 7, 9 };
	Onnx__AttributeProto *a;
	Onnx__NodeProto *n;

	begin(13);
	input("x", DIM_OPEN, 2);
	n = node("LinearClassifier", "x", NULL, "label", "scores");
	n->domain = name_of("ai.onnx.ml");
	a = attr(n, "coefficients", 6);
	a->floats = VALUES;
	a->n_floats = 2;
	a = attr(n, "intercepts", 6);
	a->floats = VALUES + 2;
	a->n_floats = 1;
	a = attr(n, "classlabels_ints", 7);
	a->ints = labels;
	a->n_ints = 2;
	output("label");
	output("scores");
	accepted();
	assert_int_equal(graph->n_columns_out, 2);
	assert_string_equal(graph->class_labels[1], "9");
	assert_int_equal(report.n_lines, 1);
	// One row, two labels: [1 - s, s], as ONNX Runtime has it.
	const float *w = graph->tensors[graph->nodes[0].inputs[1]].data;
	const float *b = graph->tensors[graph->nodes[0].inputs[2]].data;
	assert_true(w[0] == -1 && w[1] == 1 && w[2] == -2 && w[3] == 2 && b[0] == -2 && b[1] == 3);
	f.attrs[0].n_floats = 3;
	refused(-EINVAL, "3 coefficients");
}

static void nesting_bomb(void **state)
{
	// ModelProto.graph(7).node(1).attribute(5).g(6).node(1)... : tags, then lengths inside out.
	static const uint8_t TAGS[3] = { 0x0a, 0x2a, 0x32 };
	enum { LEVELS = 30000, ROOM = LEVELS * 4 + 8 };
	uint8_t *bytes = malloc(ROOM), *at = bytes + ROOM;
	size_t length = 0;

	for (int level = LEVELS; level-- > 0;) {
		uint8_t varint[4];
		int n = 0;

		for (size_t rest = length; n == 0 || rest; rest >>= 7)
			varint[n++] = (uint8_t)((rest & 0x7f) | (rest >> 7 ? 0x80 : 0));
		at -= n;
		memcpy(at, varint, (size_t)n);
		*--at = level == 0 ? 0x3a : TAGS[(level - 1) % 3];
		length = (size_t)(bytes + ROOM - at);
	}
	assert_int_equal(import_onnx(at, length, &graph, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.text, "nested more than"));
	free(bytes);
}

static void truncated_anywhere(void **state)
{
	size_t size;
	uint8_t *bytes;

	begin(13);
	input("x", DIM_OPEN, 2);
	weight("w", 2, 2, VALUES);
	node("MatMul", "x", "w", "y", NULL);
	output("y");
	f.model.n_opset_import = 1; // the last field: without it the operator has no version
	size = onnx__model_proto__get_packed_size(&f.model);
	bytes = malloc(size);
	onnx__model_proto__pack(&f.model, bytes);
	for (size_t n = 0; n < size; n++) {
		uint8_t *cut = malloc(n + 1);

		memcpy(cut, bytes, n);
		err.text[0] = '\0';
		assert_true(import_onnx(cut, n, &graph, NULL, &err) < 0);
		assert_true(err.text[0] != '\0');
		free(cut);
	}
	free(bytes);
}

static int tear_down(void **state)
{
	graph_destroy(graph);
	graph = NULL;
	compile_report_fini(&report);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batch_becomes_one),
		cmocka_unit_test(several_inputs_lie_side_by_side),
		cmocka_unit_test(nodes_in_any_order),
		cmocka_unit_test(cycle),
		cmocka_unit_test(names_that_dangle_or_repeat),
		cmocka_unit_test(operator_unknown),
		cmocka_unit_test(dimensions_too_large_or_open),
		cmocka_unit_test(weights_that_lie),
		cmocka_unit_test(attribute_of_wrong_type),
		cmocka_unit_test(softmax_before_opset_13_is_flat),
		cmocka_unit_test(reshape_resolves_zero_and_minus_one),
		cmocka_unit_test(classifier_keeps_scores_and_labels),
		cmocka_unit_test(nesting_bomb),
		cmocka_unit_test(truncated_anywhere),
	};
	return cmocka_run_group_tests_name("onnx", tests, NULL, tear_down);
}
