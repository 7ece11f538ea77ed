// SPDX-License-Identifier: BSD-3-Clause
// Operators that take values one by one, in pairs or in threes, on every dtype.
#include "infer/graph/act.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/ops/old.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/sequences.h"
#include "infer/import/onnx/tensor.h"
#include "infer/import/onnx/text_columns.h"
#include "infer/import/onnx/texts.h"
#include "infer/import/onnx/values.h"
#include "infer/ops/values.h"

#include <stdlib.h>
#include <string.h>

#define ELEMENT(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name

// What is the graph's operator as it stands: any number of inputs, no attributes.
static int import_same(struct onnx *onnx, const struct onnx_node *node)
{
	return onnx_import_as(onnx, node, node->op, node->n_inputs, 0, NULL);
}

// Operands that were broadcast by attributes before opset 7.
static int import_pair(struct onnx *onnx, const struct onnx_node *node)
{
	int rc = onnx_old_broadcast(onnx, node);

	return rc != 0 ? rc : import_same(onnx, node);
}

static int import_mod(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t fmod;

	if (onnx_int(onnx, node, "fmod", 0, &fmod))
		return onnx_refused(onnx);
	const struct attr attr = ONNX_INT(ATTR_FMOD, fmod != 0);
	return onnx_import_as(onnx, node, OP_MOD, 2, 1, &attr);
}

static int import_bit_shift(struct onnx *onnx, const struct onnx_node *node)
{
	const char *direction;

	if (onnx_string(onnx, node, "direction", "", &direction))
		return onnx_refused(onnx);
	if (strcmp(direction, "LEFT") != 0 && strcmp(direction, "RIGHT") != 0)
		return onnx_refuse(onnx, node, -EINVAL,
			"direction is '%.20s', should be LEFT or RIGHT", direction);
	const struct attr attr = ONNX_INT(ATTR_RIGHT, direction[0] == 'R');
	return onnx_import_as(onnx, node, OP_BIT_SHIFT, 2, 1, &attr);
}

// Min, Max, Sum, Mean of any number: a chain of pairs.
static int import_chain(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t made;

	if (onnx_as_floats(onnx, node))
		return onnx_refused(onnx);
	made = node->inputs[0];
	for (uint32_t i = 1; i < node->n_inputs; i++) {
		if (node->inputs[i] == GRAPH_NONE)
			return onnx_refuse(onnx, node, -EINVAL, "input %u is missing", i);
		made = onnx_emit_pair(onnx, node, node->op, made, node->inputs[i]);
		if (made == GRAPH_NONE)
			return onnx_refused(onnx);
	}
	if (strcmp(node->type, "Mean") == 0 && node->n_inputs > 1)
		made = onnx_emit_pair(
			onnx, node, OP_DIV, made, onnx_scalar(onnx, node, (float)node->n_inputs));
	else if (node->n_inputs == 1)
		made = onnx_emit(onnx, node, OP_IDENTITY, 1, &made, 0, NULL);
	return onnx_output(onnx, node, 0, made);
}

// LeakyRelu and Elu.
static int import_alpha(struct onnx *onnx, const struct onnx_node *node)
{
	const struct act usual =
		act_defaults(node->op == OP_ELU ? ACTIVATION_ELU : ACTIVATION_LEAKY_RELU);
	float alpha;

	if (onnx_float(onnx, node, "alpha", usual.alpha, &alpha))
		return onnx_refused(onnx);
	const struct attr attr = ONNX_FLOAT(ATTR_ALPHA, alpha);
	return onnx_import_as(onnx, node, node->op, 1, 1, &attr);
}

static int import_selu(struct onnx *onnx, const struct onnx_node *node)
{
	const struct act usual = act_defaults(ACTIVATION_SELU);
	float alpha, gamma;

	if (onnx_float(onnx, node, "alpha", usual.alpha, &alpha) ||
		onnx_float(onnx, node, "gamma", usual.beta, &gamma))
		return onnx_refused(onnx);
	const struct attr attrs[] = { ONNX_FLOAT(ATTR_ALPHA, alpha),
		ONNX_FLOAT(ATTR_GAMMA, gamma) };
	return onnx_import_as(onnx, node, OP_SELU, 1, 2, attrs);
}

static int import_hard_sigmoid(struct onnx *onnx, const struct onnx_node *node)
{
	const struct act usual = act_defaults(ACTIVATION_HARD_SIGMOID);
	float alpha, beta;

	if (onnx_float(onnx, node, "alpha", usual.alpha, &alpha) ||
		onnx_float(onnx, node, "beta", usual.beta, &beta))
		return onnx_refused(onnx);
	const struct attr attrs[] = { ONNX_FLOAT(ATTR_ALPHA, alpha), ONNX_FLOAT(ATTR_BETA, beta) };
	return onnx_import_as(onnx, node, OP_HARD_SIGMOID, 1, 2, attrs);
}

static int import_gelu(struct onnx *onnx, const struct onnx_node *node)
{
	const char *approximate;

	if (onnx->opset < 20)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"Gelu exists from opset 20 on, the file says %lld", (long long)onnx->opset);
	if (onnx_string(onnx, node, "approximate", "none", &approximate))
		return onnx_refused(onnx);
	if (strcmp(approximate, "none") != 0 && strcmp(approximate, "tanh") != 0)
		return onnx_refuse(onnx, node, -EINVAL,
			"approximate is '%.40s', should be none or tanh", approximate);
	const struct attr attr = ONNX_INT(ATTR_APPROXIMATE, approximate[0] == 't');
	return onnx_import_as(onnx, node, OP_GELU, 1, 1, &attr);
}

// Limits that are computed, or of whole numbers: Min(Max(x, low), high).
static int clip_as_pairs(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t made = node->inputs[0];

	for (uint32_t i = 1; i <= 2; i++) {
		if (!onnx_is_given(node, i))
			continue;
		if (tensor_elements(onnx_input(onnx, node, i)) != 1)
			return onnx_refuse(onnx, node, -ENOTSUP,
				"input %u ('%.80s') must be one value", i,
				onnx_input(onnx, node, i)->name);
		made = onnx_emit_pair(onnx, node, i == 1 ? OP_MAX : OP_MIN, made, node->inputs[i]);
		if (made == GRAPH_NONE)
			return onnx_refused(onnx);
	}
	if (made == node->inputs[0])
		made = onnx_emit(onnx, node, OP_IDENTITY, 1, &made, 0, NULL);
	return onnx_output(onnx, node, 0, made);
}

// Limits are attributes before opset 11 and inputs since.
static int import_clip(struct onnx *onnx, const struct onnx_node *node)
{
	bool computed = onnx_input(onnx, node, 0)->dtype != DTYPE_F32;
	const struct act usual = act_defaults(ACTIVATION_CLIP);
	float low, high;
	int rc;

	for (uint32_t i = 1; i <= 2; i++)
		computed |= onnx_is_given(node, i) && !onnx_input(onnx, node, i)->data;
	if (onnx->opset >= 11 && computed)
		return clip_as_pairs(onnx, node);
	if (onnx->opset < 11) {
		rc = onnx_float(onnx, node, "min", usual.alpha, &low);
		rc = rc != 0 ? rc : onnx_float(onnx, node, "max", usual.beta, &high);
	} else {
		rc = onnx_input_float(onnx, node, 1, usual.alpha, &low);
		rc = rc != 0 ? rc : onnx_input_float(onnx, node, 2, usual.beta, &high);
	}
	if (rc != 0)
		return rc;
	const struct attr attrs[] = { ONNX_FLOAT(ATTR_MIN, low), ONNX_FLOAT(ATTR_MAX, high) };
	return onnx_import_as(onnx, node, OP_CLIP, 1, 2, attrs);
}

static int import_dropout(struct onnx *onnx, const struct onnx_node *node)
{
	float training;
	void *data;

	if (onnx_old_test_mode(onnx, node) || onnx_input_float(onnx, node, 2, 0, &training))
		return onnx_refused(onnx);
	if (training != 0)
		return onnx_refuse(
			onnx, node, -ENOTSUP, "training_mode is set; export for inference");
	if (node->proto->n_output > 1 && *node->proto->output[1]) { // the mask: all are kept
		const struct tensor x = *onnx_input(onnx, node, 0);
		uint32_t mask = onnx_made(onnx, node, DTYPE_BOOL, x.rank, x.dims, &data);

		if (mask != GRAPH_NONE)
			memset(data, 1, (size_t)tensor_elements(&x));
		if (onnx_output(onnx, node, 1, mask))
			return onnx_refused(onnx);
	}
	return onnx_import_as(onnx, node, OP_IDENTITY, 1, 0, NULL);
}

// A slope that is computed: Relu(x) - slope * Relu(-x).
static int import_computed_prelu(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t x = node->inputs[0];
	uint32_t above = onnx_emit(onnx, node, OP_RELU, 1, &x, 0, NULL);
	uint32_t below = onnx_emit_pair(onnx, node, OP_MUL, x, onnx_scalar(onnx, node, -1));

	below = onnx_emit(onnx, node, OP_RELU, 1, &below, 0, NULL);
	below = onnx_emit_pair(onnx, node, OP_MUL, below, node->inputs[1]);
	return onnx_output_as_wide(
		onnx, node, x, 1, onnx_emit_pair(onnx, node, OP_SUB, above, below));
}

static int import_prelu(struct onnx *onnx, const struct onnx_node *node)
{
	int rc = onnx_old_slope(onnx, node);

	if (rc == 0)
		rc = onnx_as_floats(onnx, node);
	if (rc != 0)
		return rc;
	if (!onnx_input(onnx, node, 1)->data)
		return import_computed_prelu(onnx, node);
	return onnx_import_as(onnx, node, OP_PRELU, 2, 0, NULL);
}

// A number; before opset 6 its name.
static int read_cast_type(struct onnx *onnx, const struct onnx_node *node, int64_t *to)
{
	const ProtobufCEnumValue *value;
	const char *name;

	if (onnx->opset >= 6)
		return onnx_int(onnx, node, "to", 0, to);
	if (onnx_string(onnx, node, "to", "", &name))
		return onnx_refused(onnx);
	value = protobuf_c_enum_descriptor_get_value_by_name(
		&onnx__tensor_proto__data_type__descriptor, name);
	*to = value ? value->value : 0;
	return 0;
}

// A constant as texts. A computed number stays one: its text can be compared with nothing, so it can
// only be a label.
static int cast_to_text(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	struct onnx_value *value = onnx_value(onnx, node->proto->output[0]);
	uint32_t made = node->inputs[0];
	void *data;

	if (!value)
		return onnx_refused(onnx);
	if (onnx_is_text(onnx, made) || !x.data) {
		const bool text = onnx_is_text(onnx, made);

		value->is_label |= !text;
		made = onnx_emit_one(onnx, node, OP_IDENTITY, made);
		if (made == GRAPH_NONE || (text && onnx_mark_text(onnx, made) != 0))
			return onnx_refused(onnx);
		return onnx_output(onnx, node, 0, made);
	}
	made = onnx_made(onnx, node, DTYPE_I64, x.rank, x.dims, &data);
	if (made == GRAPH_NONE || onnx_mark_text(onnx, made) != 0)
		return onnx_refused(onnx);
	for (int64_t i = 0; i < tensor_elements(&x); i++) {
		char text[40];
		const int n = snprintf(
			text, sizeof(text), "%.17g", value_number(x.dtype, x.data, (size_t)i));

		if (onnx_text_add(onnx, text, (size_t)n, &((int64_t *)data)[i]) != 0)
			return onnx_refused(onnx);
	}
	return onnx_output(onnx, node, 0, made);
}

// Texts that say numbers, by a table of all texts of the file so far.
static uint32_t numbers_of_texts(struct onnx *onnx, const struct onnx_node *node, enum dtype dtype)
{
	const int64_t n = onnx_n_texts(onnx);
	const struct attr axis = ONNX_INT(ATTR_AXIS, 0);
	uint32_t pair[2] = { GRAPH_NONE, node->inputs[0] };
	float *numbers;
	void *data;

	pair[0] = onnx_made(onnx, node, DTYPE_F32, 1, &n, &data);
	if (pair[0] == GRAPH_NONE)
		return GRAPH_NONE;
	numbers = data;
	for (int64_t t = 0; t < n; t++) {
		const char *text = onnx_text_at(onnx, t);
		char *end;

		numbers[t] = strtof(text, &end);
		if (*text && !*end)
			continue;
		onnx_refuse(onnx, node, -ENOTSUP, "casts texts to %s, and '%.40s' is no number",
			dtype_name(dtype), text);
		return GRAPH_NONE;
	}
	return onnx_emit(onnx, node, OP_GATHER, 2, pair, 1, &axis);
}

// Doubles are computed as float32; a cast to half precision rounds, and what comes of it is
// float32.
static int import_cast(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t made = node->inputs[0];
	enum dtype dtype;
	int64_t to;

	if (read_cast_type(onnx, node, &to))
		return onnx_refused(onnx);
	if (to == ELEMENT(STRING))
		return cast_to_text(onnx, node);
	if (!onnx_dtype(to, &dtype))
		return onnx_refuse(onnx, node, -ENOTSUP,
			"casts to %s; casts to numbers and BOOL are supported", onnx_type_name(to));
	if (onnx_has_text_columns(onnx, made)) {
		made = onnx_text_numbers(onnx, node, made);
		if (made == GRAPH_NONE)
			return onnx_refused(onnx);
	} else if (onnx_is_text(onnx, made)) {
		made = numbers_of_texts(onnx, node, dtype);
		if (made == GRAPH_NONE)
			return onnx_refused(onnx);
	}
	onnx->narrowed |= to == ELEMENT(DOUBLE);
	if (to == ELEMENT(FLOAT16) || to == ELEMENT(BFLOAT16))
		made = onnx_as(onnx, node, made, to == ELEMENT(FLOAT16) ? DTYPE_F16 : DTYPE_BF16);
	made = onnx_as(onnx, node, made, dtype);
	if (made == node->inputs[0])
		made = onnx_emit(onnx, node, OP_IDENTITY, 1, &made, 0, NULL);
	return onnx_output(onnx, node, 0, made);
}

static int import_equal(struct onnx *onnx, const struct onnx_node *node)
{
	if (onnx_has_text_columns(onnx, node->inputs[0]) ||
		onnx_has_text_columns(onnx, node->inputs[1]))
		return onnx_output(onnx, node, 0,
			onnx_text_equal(onnx, node, node->inputs[0], node->inputs[1]));
	return import_pair(onnx, node);
}

static int import_where(struct onnx *onnx, const struct onnx_node *node)
{
	if (!onnx_input(onnx, node, 0)->data &&
		(onnx_has_text_columns(onnx, node->inputs[1]) ||
			onnx_has_text_columns(onnx, node->inputs[2])))
		return onnx_output(onnx, node, 0,
			onnx_text_where(
				onnx, node, node->inputs[0], node->inputs[1], node->inputs[2]));
	return import_same(onnx, node);
}

// A sequence stays the same list.
static int import_identity(struct onnx *onnx, const struct onnx_node *node)
{
	if (onnx_is_sequence(onnx, node->inputs[0]))
		return onnx_output(onnx, node, 0, node->inputs[0]);
	return import_same(onnx, node);
}

const struct onnx_operator ONNX_ELEMENTWISE[] = {
	{ "Add", 2, 2, import_pair, OP_ADD },
	{ "Sub", 2, 2, import_pair, OP_SUB },
	{ "Mul", 2, 2, import_pair, OP_MUL },
	{ "Div", 2, 2, import_pair, OP_DIV },
	{ "Relu", 1, 1, import_same, OP_RELU },
	{ "LeakyRelu", 1, 1, import_alpha, OP_LEAKY_RELU },
	{ "Elu", 1, 1, import_alpha, OP_ELU },
	{ "Selu", 1, 1, .import = import_selu },
	{ "PRelu", 2, 2, .import = import_prelu },
	{ "Sigmoid", 1, 1, import_same, OP_SIGMOID },
	{ "HardSigmoid", 1, 1, .import = import_hard_sigmoid },
	{ "Tanh", 1, 1, import_same, OP_TANH },
	{ "Softplus", 1, 1, import_same, OP_SOFTPLUS },
	{ "Softsign", 1, 1, import_same, OP_SOFTSIGN },
	{ "Gelu", 1, 1, .import = import_gelu },
	{ "Clip", 1, 3, .import = import_clip },
	{ "Identity", 1, 1, import_identity, OP_IDENTITY },
	{ "Dropout", 1, 3, .import = import_dropout },
	{ "Cast", 1, 1, .import = import_cast },
	{ "Abs", 1, 1, import_same, OP_ABS },
	{ "Neg", 1, 1, import_same, OP_NEG },
	{ "Ceil", 1, 1, import_same, OP_CEIL },
	{ "Floor", 1, 1, import_same, OP_FLOOR },
	{ "Round", 1, 1, import_same, OP_ROUND },
	{ "Exp", 1, 1, import_same, OP_EXP },
	{ "Log", 1, 1, import_same, OP_LOG },
	{ "Sqrt", 1, 1, import_same, OP_SQRT },
	{ "Reciprocal", 1, 1, import_same, OP_RECIPROCAL },
	{ "Sign", 1, 1, import_same, OP_SIGN },
	{ "Erf", 1, 1, import_same, OP_ERF },
	{ "Sin", 1, 1, import_same, OP_SIN },
	{ "Cos", 1, 1, import_same, OP_COS },
	{ "Tan", 1, 1, import_same, OP_TAN },
	{ "Asin", 1, 1, import_same, OP_ASIN },
	{ "Acos", 1, 1, import_same, OP_ACOS },
	{ "Atan", 1, 1, import_same, OP_ATAN },
	{ "Sinh", 1, 1, import_same, OP_SINH },
	{ "Cosh", 1, 1, import_same, OP_COSH },
	{ "Asinh", 1, 1, import_same, OP_ASINH },
	{ "Acosh", 1, 1, import_same, OP_ACOSH },
	{ "Atanh", 1, 1, import_same, OP_ATANH },
	{ "IsNaN", 1, 1, import_same, OP_IS_NAN },
	{ "Not", 1, 1, import_same, OP_NOT },
	{ "BitwiseNot", 1, 1, import_same, OP_BITWISE_NOT },
	{ "BitwiseAnd", 2, 2, import_same, OP_BITWISE_AND },
	{ "BitwiseOr", 2, 2, import_same, OP_BITWISE_OR },
	{ "BitwiseXor", 2, 2, import_same, OP_BITWISE_XOR },
	{ "Pow", 2, 2, import_pair, OP_POW },
	{ "And", 2, 2, import_pair, OP_AND },
	{ "Or", 2, 2, import_pair, OP_OR },
	{ "Xor", 2, 2, import_pair, OP_XOR },
	{ "Equal", 2, 2, import_equal, OP_EQUAL },
	{ "Greater", 2, 2, import_pair, OP_GREATER },
	{ "GreaterOrEqual", 2, 2, import_pair, OP_GREATER_OR_EQUAL },
	{ "Less", 2, 2, import_pair, OP_LESS },
	{ "LessOrEqual", 2, 2, import_pair, OP_LESS_OR_EQUAL },
	{ "Where", 3, 3, import_where, OP_WHERE },
	{ "Mod", 2, 2, .import = import_mod },
	{ "BitShift", 2, 2, .import = import_bit_shift },
	{ "Min", 1, GRAPH_NODE_IO_MAX, import_chain, OP_MIN },
	{ "Max", 1, GRAPH_NODE_IO_MAX, import_chain, OP_MAX },
	{ "Sum", 1, GRAPH_NODE_IO_MAX, import_chain, OP_ADD },
	{ "Mean", 1, GRAPH_NODE_IO_MAX, import_chain, OP_ADD },
	{ .type = NULL },
};
