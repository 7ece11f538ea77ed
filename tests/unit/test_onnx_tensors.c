// SPDX-License-Identifier: BSD-3-Clause
// Constants of an ONNX file that lie about themselves, and shapes that do not fit their operator:
// each is refused with one whole sentence.
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <stdlib.h>
#include <string.h>

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name

// x [B, 2] times w [2, 2]
static Onnx__TensorProto *product(void)
{
	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	file_node("MatMul", "x", "w", "y", NULL)->name = file_name("product");
	file_output("y");
	return file_weight("w", 2, 2, file_values);
}

static void dimensions_out_of_bounds(void **state)
{
	static const struct {
		int64_t d0, d1, named;
	} CASES[] = {
		{ (int64_t)1 << 31, 2, (int64_t)1 << 31 }, { -1, 2, -1 },
		{ 2, INT64_MIN, INT64_MIN }, { INT64_MAX, 2, INT64_MAX },
		{ 1 << 20, 1 << 20, 1 << 20 }, // each small, the product too large
		{ (int64_t)1 << 28, 2, 2 },
		{ 0, (int64_t)1 << 31, (int64_t)1 << 31 }, // nothing at all, of huge size
	};
	char sentence[160];

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		product();
		file.dims[0][0] = CASES[i].d0;
		file.dims[0][1] = CASES[i].d1;
		snprintf(sentence, sizeof(sentence),
			"initialiser 'w' has a dimension of %lld; a tensor has at most 268435456 "
			"values",
			(long long)CASES[i].named);
		file_refused_with(-EINVAL, sentence);
	}
}

static void too_many_dimensions(void **state)
{
	static int64_t nine[9] = { 1, 1, 1, 1, 1, 1, 1, 2, 2 };
	Onnx__TensorProto *w = product();

	w->dims = nine;
	w->n_dims = 9;
	file_refused_with(-ENOTSUP, "initialiser 'w' has 9 dimensions, at most 8 are supported");
}

static void values_other_than_the_dimensions_say(void **state)
{
	static uint8_t raw[17];
	static int64_t ints[4];
	static const char LIE[] =
		"initialiser 'w' holds other than the 4 values its dimensions say";
	Onnx__TensorProto *w = product();

	w->n_float_data = 3;
	file_refused_with(-EINVAL, LIE);
	w->n_float_data = 5;
	file_refused_with(-EINVAL, LIE);
	w->n_float_data = 0; // integers where floats are said to be
	w->int64_data = ints;
	w->n_int64_data = 4;
	file_refused_with(-EINVAL, LIE);
	w->has_raw_data = 1;
	w->raw_data.data = raw;
	for (w->raw_data.len = 0; w->raw_data.len <= sizeof(raw); w->raw_data.len++) {
		if (w->raw_data.len != 16)
			file_refused_with(-EINVAL, LIE);
	}
	w->raw_data.len = 16;
	file_accepted();
}

// 2^28 floats, 1 GiB, claimed by a tensor of some bytes: no memory is taken for them.
static void gigabyte_claimed_by_a_few_bytes(void **state)
{
	Onnx__TensorProto *w = product();

	file.dims[0][0] = 1 << 14;
	file.dims[0][1] = 1 << 14;
	w->n_float_data = 1;
	file_refused_with(-EINVAL,
		"initialiser 'w' holds other than the 268435456 values its dimensions say");
}

static void values_in_pieces(void **state)
{
	Onnx__TensorProto__Segment segment = ONNX__TENSOR_PROTO__SEGMENT__INIT;
	Onnx__TensorProto *w = product();

	w->segment = &segment;
	file_refused_with(
		-ENOTSUP, "initialiser 'w' is a segment of a tensor; tensors must be whole");
}

static void kinds_that_are_no_numbers(void **state)
{
	static const struct {
		int type;
		const char *name;
	} CASES[] = { { 0, "UNDEFINED" }, { TYPE(COMPLEX64), "COMPLEX64" },
		{ TYPE(COMPLEX128), "COMPLEX128" }, { 99, "an unknown type" },
		{ -1, "an unknown type" } };
	Onnx__TensorProto *w;
	char sentence[160];

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		product()->data_type = CASES[i].type;
		snprintf(sentence, sizeof(sentence),
			"initialiser 'w' has values of type %s; floats, integers and booleans are "
			"supported",
			CASES[i].name);
		file_refused_with(-ENOTSUP, sentence);
	}
	w = product();
	w->data_type = TYPE(STRING);
	file_refused_with(
		-EINVAL, "initialiser 'w' holds other than the 4 texts its dimensions say");
	w->has_data_type = 0;
	file_refused_with(-ENOTSUP,
		"initialiser 'w' has values of type UNDEFINED; floats, integers and booleans are "
		"supported");
}

static void constants_that_lie(void **state)
{
	Onnx__TensorProto tensor = ONNX__TENSOR_PROTO__INIT;
	static int64_t many[1] = { (int64_t)1 << 31 };
	Onnx__AttributeProto *value;

	file_small();
	file_node("Constant", NULL, NULL, "c", NULL)->name = file_name("c");
	file_refused_with(-EINVAL, "node 'c' (Constant): has 0 attributes, should have one value");
	value = file_attr(&file.nodes[1], "value", 4);
	file_refused_with(
		-EINVAL, "node 'c' (Constant): attribute 'value' is not of the type it must have");
	tensor.has_data_type = 1;
	tensor.data_type = TYPE(FLOAT);
	tensor.dims = many;
	tensor.n_dims = 1;
	value->t = &tensor;
	file_refused_with(-EINVAL,
		"constant 'c' has a dimension of 2147483648; a tensor has at most 268435456 "
		"values");
	value->name = file_name("value_complex");
	file_refused_with(-ENOTSUP,
		"node 'c' (Constant): 'value_complex' is not a form of constant that is supported");
}

// One node n on x [B, 2, 3] and, where dims are given, a constant w.
struct node_case {
	const char *type;
	int64_t d0, d1; // of w; 0: none
	const char *attr;
	int64_t value;
	const char *sentence; // after "node 'n' (type): "
};

static const struct node_case SHAPES[] = {
	{ "Gemm", 3, 4, NULL, 0, "inputs [1, 2, 3] and [3, 4]: both must have 2 dimensions" },
	{ "MatMul", 4, 3, NULL, 0,
		"inputs [1, 2, 3] and [4, 3]: the inner dimensions must be equal" },
	{ "Add", 5, 0, NULL, 0, "inputs [1, 2, 3] and [5]: they do not broadcast to each other" },
	{ "PRelu", 5, 0, NULL, 0, "input \"w\" is [5], which does not broadcast to [1, 2, 3]" },
	{ "Concat", 4, 4, "axis", 1, "input 1 differs in element type or rank from input 0" },
	{ "Softmax", 0, 0, "axis", 3, "axis 3, the input has 3 dimensions" },
	{ "LogSoftmax", 0, 0, "axis", -4, "axis -4, the input has 3 dimensions" },
	{ "LayerNormalization", 2, 0, "axis", -1,
		"input \"w\" is [2], which does not broadcast to [3]" },
	{ "Flatten", 0, 0, "axis", 9, "axis 9, the input has 3 dimensions" },
	{ "Relu", 3, 0, NULL, 0, "has 2 inputs, should have 1 to 1" },
};

static void shapes_that_do_not_fit(void **state)
{
	static float zeros[16];

	for (size_t i = 0; i < sizeof(SHAPES) / sizeof(*SHAPES); i++) {
		const struct node_case *c = &SHAPES[i];
		char sentence[160];
		Onnx__NodeProto *n;

		file_begin(17);
		file.in_list[file.graph.n_input++] =
			file_info("x", 3, (const int64_t[]){ FILE_DIM_OPEN, 2, 3 });
		n = file_node(c->type, "x", c->d0 ? "w" : NULL, "y", NULL);
		n->name = file_name("n");
		if (c->d0)
			file_weight("w", c->d0, c->d1, zeros);
		if (c->attr) {
			Onnx__AttributeProto *made = file_attr(n, c->attr, 2);

			made->has_i = 1;
			made->i = c->value;
		}
		file_output("y");
		snprintf(sentence, sizeof(sentence), "node 'n' (%s): %s", c->type, c->sentence);
		file_refused_with(-EINVAL, sentence);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dimensions_out_of_bounds),
		cmocka_unit_test(too_many_dimensions),
		cmocka_unit_test(values_other_than_the_dimensions_say),
		cmocka_unit_test(gigabyte_claimed_by_a_few_bytes),
		cmocka_unit_test(values_in_pieces),
		cmocka_unit_test(kinds_that_are_no_numbers),
		cmocka_unit_test(constants_that_lie),
		cmocka_unit_test(shapes_that_do_not_fit),
	};
	return cmocka_run_group_tests_name("onnx_tensors", tests, NULL, file_end);
}
