// SPDX-License-Identifier: BSD-3-Clause
// If, Loop and Scan: what is no sound body, and rounds that nobody knows the number of. Their scores
// are compared by test_operators.
#include "infer/import/onnx/onnx.h"
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <string.h>

#define DEEP 9

static Onnx__GraphProto bodies[DEEP];
static Onnx__NodeProto inner[DEEP], *inner_list[DEEP][1];
static Onnx__AttributeProto graphs[DEEP], *graph_list[DEEP][2];
static Onnx__ValueInfoProto infos[DEEP][8], *info_list[DEEP][8];
static char *names[DEEP][2][2];
static int64_t number;
static int32_t truth = 1;

// A graph of one node "out = type(in)", that takes and gives what is named, "" for nothing.
static Onnx__GraphProto *body(size_t n, const char *type, const char *in, const char *out)
{
	onnx__graph_proto__init(&bodies[n]);
	onnx__node_proto__init(&inner[n]);
	names[n][0][0] = file_name(in);
	names[n][1][0] = file_name(out);
	inner[n].op_type = file_name(type);
	inner[n].input = names[n][0];
	inner[n].output = names[n][1];
	inner[n].n_input = inner[n].n_output = 1;
	inner_list[n][0] = &inner[n];
	bodies[n].node = inner_list[n];
	bodies[n].n_node = 1;
	return &bodies[n];
}

static void takes_and_gives(Onnx__GraphProto *of, const char *const *ins, const char *const *outs)
{
	const size_t n = (size_t)(of - bodies);
	size_t i = 0;

	for (; ins && ins[of->n_input]; of->n_input++, i++) {
		onnx__value_info_proto__init(&infos[n][i]);
		infos[n][i].name = file_name(ins[of->n_input]);
		info_list[n][i] = &infos[n][i];
	}
	of->input = info_list[n];
	of->output = &info_list[n][i];
	for (; outs[of->n_output]; of->n_output++, i++) {
		onnx__value_info_proto__init(&infos[n][i]);
		infos[n][i].name = file_name(outs[of->n_output]);
		info_list[n][i] = &infos[n][i];
	}
}

static void gives(Onnx__GraphProto *of, const char *out)
{
	takes_and_gives(of, NULL, (const char *[]){ out, NULL });
}

static void attach(Onnx__NodeProto *to, const char *name, Onnx__GraphProto *graph)
{
	file_attr(to, name, 5)->g = graph;
}

static void constant(const char *name, int type, int64_t value)
{
	Onnx__TensorProto *w = file_weight(name, 1, 0, file_values);

	w->n_dims = 0;
	w->data_type = type;
	w->n_float_data = 0;
	number = value;
	truth = (int32_t)value;
	if (type == ONNX__TENSOR_PROTO__DATA_TYPE__BOOL) {
		w->int32_data = &truth;
		w->n_int32_data = 1;
	} else {
		w->int64_data = &number;
		w->n_int64_data = 1;
	}
}

// x [B, 2], a constant c -> If -> y, with both branches y = -x.
static Onnx__NodeProto *an_if(void)
{
	Onnx__NodeProto *node;

	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	constant("c", ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, 1);
	node = file_node("If", "c", NULL, "y", NULL);
	file_output("y");
	gives(body(0, "Neg", "x", "n"), "n");
	gives(body(1, "Neg", "x", "n"), "n");
	attach(node, "then_branch", &bodies[0]);
	attach(node, "else_branch", &bodies[1]);
	return node;
}

static void branch_alone_is_imported(void **state)
{
	an_if();
	inner[1].op_type = file_name("NoOperator");
	file_accepted();
	assert_int_equal(file_graph->n_nodes, 1);
	assert_int_equal(file_graph->nodes[0].op, OP_NEG);
}

static void unsound_branches(void **state)
{
	an_if();
	file.attrs[0].name = file_name("other");
	file_refused_with(
		-EINVAL, "node 'If_0' (If): attribute 'then_branch', a graph, is missing");
	an_if();
	bodies[0].n_output = 0;
	file_refused_with(-EINVAL, "node 'If_0' (If): its body has 0 outputs, should have 1");
	an_if();
	bodies[0].input = bodies[0].output;
	bodies[0].n_input = 1;
	bodies[0].n_output = 0;
	file_refused(-EINVAL, "is defined twice; names of values must differ");
	an_if();
	names[0][0][0] = file_name("nowhere");
	file_refused_with(
		-EINVAL, "node 'Neg_0' (Neg): input 'nowhere' is defined nowhere in the file");
	an_if();
	infos[0][0].name = file_name("nowhere");
	file_refused_with(
		-ENOTSUP, "node 'If_0' (If): output 'nowhere' of its body is computed by no node");
	an_if();
	file.weights[0].data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT32;
	file_refused_with(
		-EINVAL, "node 'If_0' (If): its condition is int32 [], should be one bool");
}

static void names_of_a_branch_are_its_own(void **state)
{
	an_if();
	file_node("Neg", "n", NULL, "z", NULL);
	file_output("z");
	file_refused_with(-EINVAL, "node 'Neg_1' (Neg): input 'n' is defined nowhere in the file");
}

static void condition_of_the_row(void **state)
{
	static int64_t axis[] = { 1 };
	Onnx__NodeProto *node = an_if();

	file_node("Cast", "x", NULL, "b", NULL);
	file_attr(&file.nodes[1], "to", 2)->has_i = 1;
	file.attrs[file.n_attrs - 1].i = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
	node->input[0] = file_name("b");
	file_refused_with(
		-EINVAL, "node 'If_0' (If): its condition is bool [1, 2], should be one bool");

	node = an_if();
	file_node("ReduceSum", "x", NULL, "s", NULL);
	file_node("Cast", "s", NULL, "b", NULL);
	file_attr(&file.nodes[2], "to", 2)->has_i = 1;
	file.attrs[file.n_attrs - 1].i = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
	node->input[0] = file_name("b");
	file_accepted();
	inner[1].op_type = file_name("ArgMax");
	onnx__attribute_proto__init(&graphs[0]);
	graphs[0].name = file_name("axis");
	graphs[0].has_i = 1;
	graphs[0].i = axis[0];
	graph_list[0][0] = &graphs[0];
	inner[1].attribute = graph_list[0];
	inner[1].n_attribute = 1;
	file_refused_with(-ENOTSUP,
		"node 'If_0' (If): its condition depends on the row, and its branches give "
		"float32 [1, 2] and int64 [1, 1]; only a shape that is the same can be scored");
}

static void graphs_too_deep(void **state)
{
	an_if();
	for (size_t n = 0; n + 1 < DEEP; n++) {
		onnx__attribute_proto__init(&graphs[n]);
		graphs[n].name = file_name("then_branch");
		graphs[n].has_type = 1;
		graphs[n].type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH;
		graphs[n].g = &bodies[n + 1];
		graph_list[n][0] = &graphs[n];
		gives(body(n, "If", "c", "n"), "n");
		inner[n].attribute = graph_list[n];
		inner[n].n_attribute = 1;
	}
	gives(body(DEEP - 1, "Neg", "x", "n"), "n");
	file.n_attrs = 1;
	file.nodes[0].n_attribute = 1;
	file_refused_with(-ENOTSUP, "node 'If_0' (If): graphs in graphs, more than 8 deep");
}

// x [B, 2], a constant m -> Loop -> y: -(-(...x)).
static Onnx__NodeProto *a_loop(int64_t trips)
{
	static const char *const INS[] = { "i", "c", "v", NULL },
				 *const OUTS[] = { "c", "n", NULL };
	Onnx__NodeProto *node;

	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	constant("m", ONNX__TENSOR_PROTO__DATA_TYPE__INT64, trips);
	node = file_node("Loop", "m", "", "y", NULL);
	node->input[2] = file_name("x");
	node->n_input = 3;
	file_output("y");
	takes_and_gives(body(0, "Neg", "v", "n"), INS, OUTS);
	attach(node, "body", &bodies[0]);
	return node;
}

static void loops_are_unrolled(void **state)
{
	a_loop(3);
	file_accepted();
	assert_int_equal(file_graph->n_nodes, 3);
	a_loop(-1);
	file_accepted();
	assert_int_equal(file_graph->n_nodes, 1);
}

static void unsound_loops(void **state)
{
	Onnx__NodeProto *node;

	a_loop(INT64_MAX);
	file_refused_with(-ENOTSUP, "node 'Loop_0' (Loop): it runs more than 4096 rounds");
	a_loop(1)->n_input = 2;
	file_refused_with(-EINVAL, "node 'Loop_0' (Loop): its body has 3 inputs, should have 2");
	a_loop(1);
	bodies[0].n_output = 1;
	file_refused_with(-EINVAL, "node 'Loop_0' (Loop): its body has 1 outputs, should have 2");
	node = a_loop(1);
	node->output[1] = file_name("z");
	node->n_output = 2;
	file_refused_with(-EINVAL, "node 'Loop_0' (Loop): has 2 outputs, its body gives 1");
	a_loop(1)->input[2] = file_name("");
	file_refused(-EINVAL, "its body has 3 inputs, should have 2");
	a_loop(1)->input[0] = file_name("x");
	file_refused_with(-ENOTSUP,
		"node 'Loop_0' (Loop): how often it runs depends on the row; only loops of a "
		"number of rounds that the file tells can be scored");
	a_loop(2);
	info_list[0][3] = info_list[0][4];
	file_refused_with(-EINVAL,
		"node 'Loop_0' (Loop): its condition is float32 [1, 2], should be one bool");
}

// x [B, 2] -> Scan along axis 1 -> y: what is scanned, negated.
static Onnx__NodeProto *a_scan(int64_t opset)
{
	Onnx__NodeProto *node;

	file_begin(opset);
	file_input("x", FILE_DIM_OPEN, 2);
	node = file_node("Scan", "x", NULL, "y", NULL);
	file_output("y");
	takes_and_gives(body(0, "Neg", "v", "n"), (const char *[]){ "v", NULL },
		(const char *[]){ "n", NULL });
	attach(node, "body", &bodies[0]);
	file_attr(node, "num_scan_inputs", 2)->has_i = 1;
	file.attrs[1].i = 1;
	return node;
}

static void unsound_scans(void **state)
{
	static int64_t far[] = { 2 };

	a_scan(13);
	file_accepted();
	a_scan(8);
	file_refused_with(-ENOTSUP,
		"node 'Scan_0' (Scan): Scan of opset 8, which has a batch of its own, is not "
		"supported; export for opset 9 or later");
	a_scan(13);
	file.attrs[1].i = 2;
	file_refused_with(-EINVAL, "node 'Scan_0' (Scan): num_scan_inputs is 2, should be 1 to 1");
	file_ints(a_scan(13), "scan_input_axes", far, 1);
	file_refused_with(-EINVAL, "node 'Scan_0' (Scan): input 0, [1, 2], has no axis 2");
	file_ints(a_scan(13), "scan_output_axes", far, 1);
	file_refused_with(-ENOTSUP, "node 'Scan_0' (Scan): it stacks 1 rounds along axis 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(branch_alone_is_imported, file_end),
		cmocka_unit_test_teardown(unsound_branches, file_end),
		cmocka_unit_test_teardown(names_of_a_branch_are_its_own, file_end),
		cmocka_unit_test_teardown(condition_of_the_row, file_end),
		cmocka_unit_test_teardown(graphs_too_deep, file_end),
		cmocka_unit_test_teardown(loops_are_unrolled, file_end),
		cmocka_unit_test_teardown(unsound_loops, file_end),
		cmocka_unit_test_teardown(unsound_scans, file_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
