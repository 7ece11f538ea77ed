// SPDX-License-Identifier: BSD-3-Clause
// Value by value, in whichever order of dimensions its operands are there.
#include "infer/import/tflite/values.h"
#include "infer/import/tflite/write.h"

#include <string.h>

struct elementwise_form {
	int64_t code;
	const char *type; // of ONNX
};

static const struct elementwise_form FORMS[] = {
	{ 0, "Add" },
	{ 8, "Floor" },
	{ 14, "Sigmoid" },
	{ 18, "Mul" },
	{ 19, "Relu" },
	{ 28, "Tanh" },
	{ 41, "Sub" },
	{ 42, "Div" },
	{ 47, "Exp" },
	{ 55, "Max" },
	{ 57, "Min" },
	{ 58, "Less" },
	{ 59, "Neg" },
	{ 61, "Greater" },
	{ 62, "GreaterOrEqual" },
	{ 63, "LessOrEqual" },
	{ 66, "Sin" },
	{ 71, "Equal" },
	{ 73, "Log" },
	{ 75, "Sqrt" },
	{ 78, "Pow" },
	{ 84, "Or" },
	{ 86, "And" },
	{ 87, "Not" },
	{ 101, "Abs" },
	{ 104, "Ceil" },
	{ 106, "Sum" },
	{ 108, "Cos" },
	{ 111, "Elu" },
	{ 116, "Round" },
	{ 117, "HardSwish" },
};

static const char *elementwise_type(const struct tflite_node *node)
{
	for (size_t i = 0; i < sizeof(FORMS) / sizeof(*FORMS); i++) {
		if (FORMS[i].code == node->op->code)
			return FORMS[i].type;
	}
	return NULL;
}

static bool elementwise_is_single(const struct tflite_tensor *x)
{
	int64_t elements = 1;

	for (uint32_t d = 0; d < x->rank; d++)
		elements *= x->open[d] ? 2 : x->dims[d];
	return elements == 1;
}

// NCHW where an operand was made so and all can be had so: images, constants, which have as many
// dimensions put before them as they lack, and single values.
static enum tflite_layout elementwise_layout(const struct tflite *t, const struct tflite_node *node)
{
	bool any = false;

	for (uint32_t i = 0; i < node->op->inputs.n; i++) {
		const struct tflite_tensor *x = tflite_input(t, node, i);

		if (!x || (x->rank != 4 && !x->data && !elementwise_is_single(x)) || x->rank > 4)
			return TFLITE_NHWC;
		any |= tflite_home(t, node, i) == TFLITE_NCHW;
	}
	return any && tflite_output(t, node, 0) && tflite_output(t, node, 0)->rank == 4
		? TFLITE_NCHW
		: TFLITE_NHWC;
}

static const char *elementwise_operand(
	struct tflite *t, const struct tflite_node *node, uint32_t i, enum tflite_layout layout)
{
	static const int64_t PERM[4] = { 0, 3, 1, 2 };
	const struct tflite_tensor *x = tflite_input(t, node, i);
	int64_t shape[4] = { 1, 1, 1, 1 };

	if (layout == TFLITE_NHWC || !x || x->rank == 4 || elementwise_is_single(x))
		return tflite_get(
			t, node, i, TFLITE_REAL, x && x->rank == 4 ? layout : TFLITE_NHWC);
	for (uint32_t d = 0; d < x->rank; d++)
		shape[4 - x->rank + d] = x->dims[d];
	return tflite_transposed(t,
		tflite_pair(t, "Reshape", tflite_real(t, node, i), tflite_ints(t, 4, shape)), 4,
		PERM);
}

// All inputs as one ONNX operator's; the fused activation is the first field of options that have one.
static int elementwise_import_as(struct tflite *t, const struct tflite_node *node, const char *type,
	size_t n_attrs, const struct tflite_attr *attrs)
{
	const enum tflite_layout layout = elementwise_layout(t, node);
	const int64_t code = node->op->code;
	const bool fused = code == 0 || code == 18 || code == 41 || code == 42;
	const char *inputs[16], *made;

	for (uint32_t i = 0; i < node->op->inputs.n; i++) {
		inputs[i] = elementwise_operand(t, node, i, layout);
		if (!inputs[i])
			return t->err->code;
	}
	made = tflite_write(t, type, node->op->inputs.n, inputs, n_attrs, attrs);
	if (fused)
		made = tflite_activated(t, node, flatbuffer_int(&node->op->options, 0, 1, 0), made);
	return tflite_give(t, node, 0, made, layout);
}

static int elementwise_import(struct tflite *t, const struct tflite_node *node)
{
	return elementwise_import_as(t, node, elementwise_type(node), 0, NULL);
}

// RELU_N1_TO_1 and RELU6 are activations by themselves.
static int elementwise_import_bounded(struct tflite *t, const struct tflite_node *node)
{
	const enum tflite_layout layout = tflite_home(t, node, 0);
	const char *x = tflite_get(t, node, 0, TFLITE_REAL, layout);

	return tflite_give(t, node, 0,
		x ? tflite_activated(t, node, node->op->code == 20 ? 2 : 3, x) : NULL, layout);
}

static int elementwise_import_leaky(struct tflite *t, const struct tflite_node *node)
{
	return elementwise_import_as(t, node, "LeakyRelu", 1,
		&TFLITE_FLOAT("alpha", flatbuffer_float(&node->op->options, 0, 0)));
}

static int elementwise_import_gelu(struct tflite *t, const struct tflite_node *node)
{
	const bool about = flatbuffer_int(&node->op->options, 0, 1, 0) != 0;

	return elementwise_import_as(
		t, node, "Gelu", 1, &TFLITE_TEXT("approximate", about ? "tanh" : "none"));
}

static int elementwise_import_prelu(struct tflite *t, const struct tflite_node *node)
{
	return elementwise_import_as(t, node, "PRelu", 0, NULL);
}

// What two ONNX operators make: 1 / sqrt(x), x x, (a - b)(a - b), not equal, floor(a / b).
static int elementwise_import_two(struct tflite *t, const struct tflite_node *node)
{
	const enum tflite_layout layout = elementwise_layout(t, node);
	const char *a = elementwise_operand(t, node, 0, layout);
	const char *b = node->op->inputs.n > 1 && a ? elementwise_operand(t, node, 1, layout) : a;
	const char *made = NULL;

	if (!b)
		return t->err->code;
	if (node->op->code == 76) {
		made = tflite_one(t, "Reciprocal", tflite_one(t, "Sqrt", a));
	} else if (node->op->code == 92) {
		made = tflite_pair(t, "Mul", a, a);
	} else if (node->op->code == 99) {
		made = tflite_pair(t, "Sub", a, b);
		made = tflite_pair(t, "Mul", made, made);
	} else if (node->op->code == 72) {
		made = tflite_one(t, "Not", tflite_pair(t, "Equal", a, b));
	} else {
		made = tflite_one(t, "Floor", tflite_pair(t, "Div", a, b));
	}
	return tflite_give(t, node, 0, made, layout);
}

static int elementwise_import_floor_div(struct tflite *t, const struct tflite_node *node)
{
	const struct tflite_tensor *x = tflite_input(t, node, 0);

	if (!x || (x->type != TFLITE_FLOAT32 && x->type != TFLITE_FLOAT16))
		return tflite_refuse(
			t, node, -ENOTSUP, "of whole numbers is not supported, of floats it is");
	return elementwise_import_two(t, node);
}

static int elementwise_import_select(struct tflite *t, const struct tflite_node *node)
{
	const struct tflite_tensor *a = tflite_input(t, node, 0), *b = tflite_input(t, node, 1);

	// SELECT takes a condition for each row, too, which broadcasts the other way round.
	if (node->op->code == 64 && a && b && a->rank != b->rank && !elementwise_is_single(a))
		return tflite_refuse(
			t, node, -ENOTSUP, "a condition of another rank is not supported");
	return elementwise_import_as(t, node, "Where", 0, NULL);
}

const struct tflite_builtin TFLITE_ELEMENTWISE[] = {
	{ 0, "ADD", 2, 2, 1, elementwise_import },
	{ 8, "FLOOR", 1, 1, 1, elementwise_import },
	{ 14, "LOGISTIC", 1, 1, 1, elementwise_import },
	{ 18, "MUL", 2, 2, 1, elementwise_import },
	{ 19, "RELU", 1, 1, 1, elementwise_import },
	{ 20, "RELU_N1_TO_1", 1, 1, 1, elementwise_import_bounded },
	{ 21, "RELU6", 1, 1, 1, elementwise_import_bounded },
	{ 28, "TANH", 1, 1, 1, elementwise_import },
	{ 41, "SUB", 2, 2, 1, elementwise_import },
	{ 42, "DIV", 2, 2, 1, elementwise_import },
	{ 47, "EXP", 1, 1, 1, elementwise_import },
	{ 54, "PRELU", 2, 2, 1, elementwise_import_prelu },
	{ 55, "MAXIMUM", 2, 2, 1, elementwise_import },
	{ 57, "MINIMUM", 2, 2, 1, elementwise_import },
	{ 58, "LESS", 2, 2, 1, elementwise_import },
	{ 59, "NEG", 1, 1, 1, elementwise_import },
	{ 61, "GREATER", 2, 2, 1, elementwise_import },
	{ 62, "GREATER_EQUAL", 2, 2, 1, elementwise_import },
	{ 63, "LESS_EQUAL", 2, 2, 1, elementwise_import },
	{ 64, "SELECT", 3, 3, 1, elementwise_import_select },
	{ 66, "SIN", 1, 1, 1, elementwise_import },
	{ 71, "EQUAL", 2, 2, 1, elementwise_import },
	{ 72, "NOT_EQUAL", 2, 2, 1, elementwise_import_two },
	{ 73, "LOG", 1, 1, 1, elementwise_import },
	{ 75, "SQRT", 1, 1, 1, elementwise_import },
	{ 76, "RSQRT", 1, 1, 1, elementwise_import_two },
	{ 78, "POW", 2, 2, 1, elementwise_import },
	{ 84, "LOGICAL_OR", 2, 2, 1, elementwise_import },
	{ 86, "LOGICAL_AND", 2, 2, 1, elementwise_import },
	{ 87, "LOGICAL_NOT", 1, 1, 1, elementwise_import },
	{ 90, "FLOOR_DIV", 2, 2, 1, elementwise_import_floor_div },
	{ 92, "SQUARE", 1, 1, 1, elementwise_import_two },
	{ 98, "LEAKY_RELU", 1, 1, 1, elementwise_import_leaky },
	{ 99, "SQUARED_DIFFERENCE", 2, 2, 1, elementwise_import_two },
	{ 101, "ABS", 1, 1, 1, elementwise_import },
	{ 104, "CEIL", 1, 1, 1, elementwise_import },
	{ 106, "ADD_N", 1, 16, 1, elementwise_import },
	{ 108, "COS", 1, 1, 1, elementwise_import },
	{ 111, "ELU", 1, 1, 1, elementwise_import },
	{ 116, "ROUND", 1, 1, 1, elementwise_import },
	{ 117, "HARD_SWISH", 1, 1, 1, elementwise_import },
	{ 123, "SELECT_V2", 3, 3, 1, elementwise_import_select },
	{ 150, "GELU", 1, 1, 1, elementwise_import_gelu },
	{ .name = NULL },
};
