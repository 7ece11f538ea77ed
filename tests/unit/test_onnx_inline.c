// SPDX-License-Identifier: BSD-3-Clause
// Functions of the file: what a call gives its body, and what is no sound function or call.
// Their scores are compared by test_operators.
#include "infer/import/onnx/inline.h"
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <stdlib.h>
#include <string.h>

#define MANY 40

static Onnx__FunctionProto functions[MANY], *function_list[MANY];
static Onnx__NodeProto bodies[MANY][2], *body_list[MANY][2];
static char *body_names[MANY][2][2][2], *formal_names[MANY][2][2];
static ProtobufCMessageUnknownField unknown[4];

// A function of one input "a" and one output "b", of domain "local".
static Onnx__FunctionProto *function(const char *name)
{
	const size_t n = file.model.n_functions++;
	Onnx__FunctionProto *made = &functions[n];

	onnx__function_proto__init(made);
	made->name = file_name(name);
	made->domain = file_name("local");
	formal_names[n][0][0] = file_name("a");
	formal_names[n][1][0] = file_name("b");
	made->input = formal_names[n][0];
	made->output = formal_names[n][1];
	made->n_input = made->n_output = 1;
	made->node = body_list[n];
	function_list[n] = made;
	file.model.functions = function_list;
	return made;
}

static Onnx__NodeProto *body(Onnx__FunctionProto *of, const char *domain, const char *type,
	const char *in, const char *out)
{
	const size_t f = (size_t)(of - functions), n = of->n_node++;
	Onnx__NodeProto *made = &bodies[f][n];

	onnx__node_proto__init(made);
	made->op_type = file_name(type);
	made->domain = file_name(domain);
	made->input = body_names[f][n][0];
	made->output = body_names[f][n][1];
	made->input[0] = file_name(in);
	made->output[0] = file_name(out);
	made->n_input = made->n_output = 1;
	body_list[f][n] = made;
	return made;
}

// x [B, 2] -> local.F -> y
static Onnx__NodeProto *calling(const char *name)
{
	Onnx__NodeProto *call;

	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	call = file_node(name, "x", NULL, "y", NULL);
	call->domain = file_name("local");
	file_output("y");
	return call;
}

static void field(ProtobufCMessage *message, uint32_t tag, const uint8_t *bytes, size_t size)
{
	ProtobufCMessageUnknownField *made = &unknown[message->n_unknown_fields++];

	message->unknown_fields = unknown;
	made->tag = tag;
	made->wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
	made->len = size;
	made->data = (uint8_t *)(uintptr_t)bytes;
}

static void ops_are(const char *ops)
{
	char made[256] = "";

	file_accepted();
	for (uint32_t n = 0; n < file_graph->n_nodes; n++) {
		strcat(made, n ? " " : "");
		strcat(made, op_name(file_graph->nodes[n].op));
	}
	assert_string_equal(made, ops);
}

static void bodies_take_the_place_of_calls(void **state)
{
	Onnx__FunctionProto *f;

	(void)state;
	calling("Two");
	f = function("Two");
	body(f, "", "Sigmoid", "t", "b"); // in any order
	body(f, "", "Relu", "a", "t");
	ops_are("Relu Sigmoid");
	assert_string_equal(file_graph->nodes[0].name, "Two#1/Relu");
	assert_string_equal(file_graph->tensors[file_graph->outputs[0].tensor].name, "y");
}

static void no_two_calls_share_a_name(void **state)
{
	Onnx__FunctionProto *f;

	(void)state;
	calling("Two");
	file.nodes[0].output[0] = file_name("t"); // as the body calls a value of its own
	file_node("Two", "t", NULL, "y", NULL)->domain = file_name("local");
	f = function("Two");
	body(f, "", "Relu", "a", "t");
	body(f, "", "Sigmoid", "t", "b");
	ops_are("Relu Sigmoid Relu Sigmoid");
}

static void an_input_may_be_an_output(void **state)
{
	(void)state;
	calling("Same");
	function("Same")->output[0] = file_name("a");
	ops_are("Identity");
}

static void an_output_may_be_given_twice(void **state)
{
	Onnx__FunctionProto *f;

	(void)state;
	calling("Twice")->n_output = 2;
	file.nodes[0].output[1] = file_name("z");
	file_output("z");
	f = function("Twice");
	formal_names[0][1][1] = file_name("b");
	f->n_output = 2;
	body(f, "", "Relu", "a", "b");
	ops_are("Relu Identity");
}

static void inputs_left_out_are_left_out_within(void **state)
{
	Onnx__FunctionProto *f;
	Onnx__NodeProto *n;

	(void)state;
	calling("Dense");
	f = function("Dense");
	formal_names[0][0][1] = file_name("bias");
	f->n_input = 2;
	n = body(f, "", "Clip", "a", "b");
	n->input[1] = file_name("bias");
	n->n_input = 2;
	ops_are("Clip");
}

static Onnx__AttributeProto reference, *reference_list[1] = { &reference };

static void refer_to(Onnx__NodeProto *n, const char *name, const char *outer)
{
	onnx__attribute_proto__init(&reference);
	reference.name = file_name(name);
	reference.ref_attr_name = file_name(outer);
	reference.has_type = 1;
	reference.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
	n->attribute = reference_list;
	n->n_attribute = 1;
}

static Onnx__FunctionProto *leaky(void)
{
	static char *names[] = { (char *)(uintptr_t) "slope" };
	Onnx__FunctionProto *f = function("Leaky");

	refer_to(body(f, "", "LeakyRelu", "a", "b"), "alpha", "slope");
	f->attribute = names;
	f->n_attribute = 1;
	return f;
}

static float slope(void)
{
	file_accepted();
	assert_int_equal(file_graph->nodes[0].op, OP_LEAKY_RELU);
	return node_float(&file_graph->nodes[0], ATTR_ALPHA, -1);
}

static void attributes_come_from_the_call_or_its_defaults(void **state)
{
	// slope = 0.75 FLOAT
	static const uint8_t DEFAULT[] = { 15, 0x0a, 5, 's', 'l', 'o', 'p', 'e', 0x15, 0, 0, 0x40,
		0x3f, 0xa0, 0x01, 0x01 };
	Onnx__FunctionProto *f;
	Onnx__AttributeProto *given;

	(void)state;
	given = file_attr(calling("Leaky"), "slope", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
	given->has_f = 1;
	given->f = 0.5f;
	leaky();
	assert_float_equal(slope(), 0.5f, 0);
	calling("Leaky");
	leaky();
	assert_float_equal(slope(), 0.01f, 1e-9); // LeakyRelu's own
	calling("Leaky");
	f = leaky();
	f->n_attribute = 0;
	field(&f->base, 11, DEFAULT, sizeof(DEFAULT));
	assert_float_equal(slope(), 0.75f, 0);
	given = file_attr(&file.nodes[0], "slope", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
	given->has_f = 1;
	given->f = 0.25f;
	assert_float_equal(slope(), 0.25f, 0);
	given->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
	file_refused_with(-EINVAL,
		"node 'Leaky' calls function 'Leaky': attribute 'slope' is not of the type it must "
		"have");
}

static void overloads_are_told_apart(void **state)
{
	static const uint8_t SECOND[] = { 2, 'v', '2' };
	Onnx__NodeProto *call = calling("F");
	Onnx__FunctionProto *f;

	(void)state;
	body(function("F"), "", "Relu", "a", "b");
	f = function("F");
	body(f, "", "Sigmoid", "a", "b");
	file_refused_with(-EINVAL, "function 'F' of domain 'local' is defined twice");
	field(&f->base, 13, SECOND, sizeof(SECOND));
	ops_are("Relu");
	call->base.unknown_fields = NULL;
	unknown[1] = unknown[0];
	unknown[1].tag = 8;
	call->base.unknown_fields = &unknown[1];
	call->base.n_unknown_fields = 1;
	ops_are("Sigmoid");
}

static void a_function_imports_opsets_of_its_own(void **state)
{
	Onnx__OperatorSetIdProto own = ONNX__OPERATOR_SET_ID_PROTO__INIT, *list[] = { &own };
	Onnx__FunctionProto *f;

	(void)state;
	calling("F");
	file.infos[0].type->tensor_type->shape->n_dim = 2;
	f = function("F");
	body(f, "", "LayerNormalization", "a", "b");
	file_refused(-EINVAL, "has 1 inputs, should have 2 to 3");
	f->opset_import = list;
	f->n_opset_import = 1;
	own.has_version = 1;
	own.version = 99;
	file_refused_with(-ENOTSUP,
		"node 'F#1/LayerNormalization' (LayerNormalization): the file imports opset 99 of "
		"ai.onnx, supported are 1 to 28");
}

static void recursion(void **state)
{
	Onnx__FunctionProto *f;

	(void)state;
	calling("A");
	body(function("A"), "local", "A", "a", "b");
	file_refused_with(
		-EINVAL, "node 'A#1/A': function 'A' calls itself, here or through others");
	calling("A");
	f = function("A");
	body(f, "local", "B", "a", "b")->name = file_name("to B");
	f = function("B");
	body(f, "local", "A", "a", "b")->name = file_name("to A");
	file_refused_with(-EINVAL,
		"node 'A#1/to B#2/to A': function 'A' calls itself, here or through others");
	file.nodes[0].op_type = file_name("Relu");
	file.nodes[0].domain = NULL;
	ops_are("Relu"); // nothing calls them
}

static void depth_and_size(void **state)
{
	static char names[MANY][16];

	(void)state;
	calling("f0");
	for (int i = 0; i < MANY; i++)
		snprintf(names[i], sizeof(names[i]), "f%d", i);
	for (int i = 0; i + 1 < MANY; i++)
		body(function(names[i]), "local", names[i + 1], "a", "b");
	file_refused(-EINVAL, "#32/f32': functions call functions more than 32 deep");
	calling("f0");
	for (int i = 0; i < 31; i++) { // each calls the next twice
		Onnx__FunctionProto *f = function(names[i]);

		body(f, "local", names[i + 1], "a", "t");
		body(f, "local", names[i + 1], "t", "b");
	}
	body(function(names[31]), "", "Relu", "a", "b");
	file_refused(-EINVAL, "524288");
}

static void calls_that_fit_no_function(void **state)
{
	Onnx__FunctionProto *f;

	(void)state;
	calling("F")->n_input = 2;
	file.nodes[0].input[1] = file_name("x");
	body(function("F"), "", "Relu", "a", "b");
	file_refused_with(-EINVAL,
		"node 'F' has 2 inputs and 1 outputs; function 'F', which it calls, has 1 and 1");
	calling("F");
	body(function("F"), "", "Relu", "nothing", "b");
	file_refused_with(-EINVAL,
		"node 'F#1/Relu' (Relu): input 'F#1/nothing' is defined nowhere in the file");
	calling("F");
	f = function("F");
	body(f, "", "Relu", "a", "a");
	file_refused_with(-EINVAL, "function 'F': 'a' is an input and computed, too");
	calling("F");
	f = function("F");
	body(f, "", "Relu", "a", "b");
	formal_names[0][0][1] = file_name("a");
	f->n_input = 2;
	file_refused_with(-EINVAL, "function 'F' has two inputs 'a'");
	calling("F");
	f = function("F");
	refer_to(body(f, "", "LeakyRelu", "a", "b"), "alpha", "slope");
	file_refused_with(
		-EINVAL, "function 'F' has no attribute 'slope', which its body refers to");
	calling("G");
	body(function("F"), "", "Relu", "a", "b");
	file_refused_with(-ENOTSUP,
		"node 'G_0' (G): domain 'local' is not supported, and the file has no function of "
		"that name; ai.onnx, ai.onnx.ml and com.microsoft are");
}

static void defaults_that_are_none(void **state)
{
	static const uint8_t CUT[] = { 3, 0x0a, 5, 's' }, BENT[] = { 200, 1, 0 };
	Onnx__FunctionProto *f;

	(void)state;
	calling("Leaky");
	f = leaky();
	field(&f->base, 11, CUT, sizeof(CUT));
	file_refused(-EINVAL, "function 'Leaky': not a sound ONNX file: at byte");
	unknown[0].data = (uint8_t *)(uintptr_t)BENT;
	unknown[0].len = sizeof(BENT);
	file_refused(-EINVAL, "not a sound ONNX file");
}

static void operators_keep_their_meaning(void **state)
{
	(void)state;
	calling("F");
	function("Relu")->domain = file_name("");
	file_refused_with(-ENOTSUP,
		"function 'Relu' is defined in the operators' own domain; only operators are "
		"supported");
	functions[0].domain = file_name("com.microsoft");
	functions[0].name = file_name("Gelu");
	file_refused(-ENOTSUP, "function 'Gelu' is defined in the operators' own domain");
	functions[0].name = file_name("F"); // no operator that is read
	file.nodes[0].domain = file_name("com.microsoft");
	body(&functions[0], "", "Relu", "a", "b");
	ops_are("Relu");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(bodies_take_the_place_of_calls, file_end),
		cmocka_unit_test_teardown(no_two_calls_share_a_name, file_end),
		cmocka_unit_test_teardown(an_input_may_be_an_output, file_end),
		cmocka_unit_test_teardown(an_output_may_be_given_twice, file_end),
		cmocka_unit_test_teardown(inputs_left_out_are_left_out_within, file_end),
		cmocka_unit_test_teardown(attributes_come_from_the_call_or_its_defaults, file_end),
		cmocka_unit_test_teardown(overloads_are_told_apart, file_end),
		cmocka_unit_test_teardown(a_function_imports_opsets_of_its_own, file_end),
		cmocka_unit_test_teardown(recursion, file_end),
		cmocka_unit_test_teardown(depth_and_size, file_end),
		cmocka_unit_test_teardown(calls_that_fit_no_function, file_end),
		cmocka_unit_test_teardown(defaults_that_are_none, file_end),
		cmocka_unit_test_teardown(operators_keep_their_meaning, file_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
