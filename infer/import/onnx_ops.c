// SPDX-License-Identifier: BSD-3-Clause
// The operators of ai.onnx, opsets 7 to 21, older forms translated to the graph's (ops.h).
#include "infer/import/onnx.h"

#include <float.h>
#include <string.h>

#define INT_ATTR(k, value)                                                                         \
	{                                                                                          \
		.key = (k), .kind = ATTR_KIND_INT, .count = 1, .i = (value)                        \
	}
#define FLOAT_ATTR(k, value)                                                                       \
	{                                                                                          \
		.key = (k), .kind = ATTR_KIND_FLOAT, .count = 1, .f = (value)                      \
	}

static const struct tensor *input(struct onnx *onnx, const struct onnx_node *node, uint32_t i)
{
	return &onnx->graph->tensors[node->inputs[i]];
}

// Inputs that are computed with: whole constants become floats.
static int as_floats(struct onnx *onnx, const struct onnx_node *node)
{
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		if (node->inputs[i] == GRAPH_NONE)
			continue;
		node->inputs[i] = onnx_as_float(onnx, node->inputs[i]);
		if (node->inputs[i] == GRAPH_NONE)
			return -ENOMEM;
	}
	return 0;
}

static int import_as(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t n_inputs,
	uint32_t n_attrs, const struct attr *attrs)
{
	if (as_floats(onnx, node))
		return -ENOMEM;
	return onnx_output(
		onnx, node, 0, onnx_emit(onnx, node, op, n_inputs, node->inputs, n_attrs, attrs));
}

#define PLAIN(function, op)                                                                        \
	static int function(struct onnx *onnx, const struct onnx_node *node)                       \
	{                                                                                          \
		return import_as(onnx, node, op, node->n_inputs, 0, NULL);                         \
	}
PLAIN(import_matmul, OP_MATMUL)
PLAIN(import_add, OP_ADD)
PLAIN(import_sub, OP_SUB)
PLAIN(import_mul, OP_MUL)
PLAIN(import_div, OP_DIV)
PLAIN(import_relu, OP_RELU)
PLAIN(import_prelu, OP_PRELU)
PLAIN(import_sigmoid, OP_SIGMOID)
PLAIN(import_tanh, OP_TANH)
PLAIN(import_softplus, OP_SOFTPLUS)
PLAIN(import_softsign, OP_SOFTSIGN)
PLAIN(import_identity, OP_IDENTITY)

static int import_gemm(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t n_inputs = node->n_inputs;
	int64_t trans_a, trans_b;
	float alpha, beta;

	if (onnx_float(onnx, node, "alpha", 1, &alpha) ||
		onnx_float(onnx, node, "beta", 1, &beta) ||
		onnx_int(onnx, node, "transA", 0, &trans_a) ||
		onnx_int(onnx, node, "transB", 0, &trans_b))
		return -EINVAL;
	if (n_inputs == 3 && node->inputs[2] == GRAPH_NONE)
		n_inputs = 2;
	const struct attr attrs[] = {
		FLOAT_ATTR(ATTR_ALPHA, alpha),
		FLOAT_ATTR(ATTR_BETA, beta),
		INT_ATTR(ATTR_TRANS_A, trans_a != 0),
		INT_ATTR(ATTR_TRANS_B, trans_b != 0),
	};
	return import_as(onnx, node, OP_GEMM, n_inputs, 4, attrs);
}

static int import_alpha(
	struct onnx *onnx, const struct onnx_node *node, enum op op, float otherwise)
{
	float alpha;

	if (onnx_float(onnx, node, "alpha", otherwise, &alpha))
		return -EINVAL;
	const struct attr attr = FLOAT_ATTR(ATTR_ALPHA, alpha);
	return import_as(onnx, node, op, 1, 1, &attr);
}

static int import_leaky_relu(struct onnx *onnx, const struct onnx_node *node)
{
	return import_alpha(onnx, node, OP_LEAKY_RELU, 0.01f);
}

static int import_elu(struct onnx *onnx, const struct onnx_node *node)
{
	return import_alpha(onnx, node, OP_ELU, 1.0f);
}

static int import_selu(struct onnx *onnx, const struct onnx_node *node)
{
	float alpha, gamma;

	if (onnx_float(onnx, node, "alpha", 1.67326319217681884765625f, &alpha) ||
		onnx_float(onnx, node, "gamma", 1.05070102214813232421875f, &gamma))
		return -EINVAL;
	const struct attr attrs[] = { FLOAT_ATTR(ATTR_ALPHA, alpha),
		FLOAT_ATTR(ATTR_GAMMA, gamma) };
	return import_as(onnx, node, OP_SELU, 1, 2, attrs);
}

static int import_hard_sigmoid(struct onnx *onnx, const struct onnx_node *node)
{
	float alpha, beta;

	if (onnx_float(onnx, node, "alpha", 0.2f, &alpha) ||
		onnx_float(onnx, node, "beta", 0.5f, &beta))
		return -EINVAL;
	const struct attr attrs[] = { FLOAT_ATTR(ATTR_ALPHA, alpha), FLOAT_ATTR(ATTR_BETA, beta) };
	return import_as(onnx, node, OP_HARD_SIGMOID, 1, 2, attrs);
}

static int import_gelu(struct onnx *onnx, const struct onnx_node *node)
{
	const char *approximate;

	if (onnx->opset < 20)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"Gelu exists from opset 20 on, the file says %lld", (long long)onnx->opset);
	if (onnx_string(onnx, node, "approximate", "none", &approximate))
		return -EINVAL;
	if (strcmp(approximate, "none") != 0 && strcmp(approximate, "tanh") != 0)
		return onnx_refuse(onnx, node, -EINVAL,
			"approximate is '%.40s', should be none or tanh", approximate);
	const struct attr attr = INT_ATTR(ATTR_APPROXIMATE, approximate[0] == 't');
	return import_as(onnx, node, OP_GELU, 1, 1, &attr);
}

// Limits are attributes before opset 11 and inputs since.
static int import_clip(struct onnx *onnx, const struct onnx_node *node)
{
	float low, high;

	if (onnx->opset < 11) {
		if (onnx_float(onnx, node, "min", -FLT_MAX, &low) ||
			onnx_float(onnx, node, "max", FLT_MAX, &high))
			return -EINVAL;
	} else if (onnx_input_float(onnx, node, 1, -FLT_MAX, &low) ||
		onnx_input_float(onnx, node, 2, FLT_MAX, &high)) {
		return -EINVAL;
	}
	const struct attr attrs[] = { FLOAT_ATTR(ATTR_MIN, low), FLOAT_ATTR(ATTR_MAX, high) };
	return import_as(onnx, node, OP_CLIP, 1, 2, attrs);
}

// Before opset 13 the input is taken as a matrix: all dimensions from `axis` on are one softmax.
static int import_softmax_as(struct onnx *onnx, const struct onnx_node *node, enum op op)
{
	struct tensor x;
	int64_t axis;
	uint32_t made;

	if (as_floats(onnx, node) || onnx_int(onnx, node, "axis", onnx->opset < 13 ? 1 : -1, &axis))
		return -EINVAL;
	x = *input(onnx, node, 0);
	if (axis < -(int64_t)x.rank || axis > (int64_t)x.rank ||
		(axis == x.rank && onnx->opset >= 13))
		return onnx_refuse(onnx, node, -EINVAL, "axis %lld, the input has %u dimensions",
			(long long)axis, x.rank);
	if (axis < 0)
		axis += x.rank;
	if (onnx->opset >= 13 || axis + 1 == x.rank) {
		const struct attr attr = INT_ATTR(ATTR_AXIS, axis);

		return import_as(onnx, node, op, 1, 1, &attr);
	}
	const struct attr attr = INT_ATTR(ATTR_AXIS, 1);
	int64_t flat[2] = { 1, 1 };

	for (uint32_t d = 0; d < x.rank; d++)
		flat[d >= axis] *= x.dims[d];
	made = onnx_emit_reshape(onnx, node, node->inputs[0], 2, flat);
	if (made != GRAPH_NONE)
		made = onnx_emit(onnx, node, op, 1, &made, 1, &attr);
	if (made != GRAPH_NONE)
		made = onnx_emit_reshape(onnx, node, made, x.rank, x.dims);
	return onnx_output(onnx, node, 0, made);
}

static int import_softmax(struct onnx *onnx, const struct onnx_node *node)
{
	return import_softmax_as(onnx, node, OP_SOFTMAX);
}

static int import_log_softmax(struct onnx *onnx, const struct onnx_node *node)
{
	return import_softmax_as(onnx, node, OP_LOG_SOFTMAX);
}

static int refuse_further_outputs(struct onnx *onnx, const struct onnx_node *node)
{
	for (size_t o = 1; o < node->proto->n_output; o++) {
		if (*node->proto->output[o])
			return onnx_refuse(onnx, node, -ENOTSUP,
				"output %zu is for training; only the first is supported", o);
	}
	return 0;
}

static int import_batch_norm(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t spatial, training;
	float epsilon;

	if (onnx_float(onnx, node, "epsilon", 1e-5f, &epsilon) ||
		onnx_int(onnx, node, "spatial", 1, &spatial) ||
		onnx_int(onnx, node, "training_mode", 0, &training) ||
		refuse_further_outputs(onnx, node))
		return -EINVAL;
	if (spatial != 1 || training != 0)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"only inference with one scale a channel is supported (spatial 1, "
			"training_mode 0)");
	const struct attr attr = FLOAT_ATTR(ATTR_EPSILON, epsilon);
	return import_as(onnx, node, OP_BATCH_NORM, 5, 1, &attr);
}

static int import_layer_norm(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t n_inputs = node->n_inputs;
	float epsilon;
	int64_t axis;

	if (onnx_float(onnx, node, "epsilon", 1e-5f, &epsilon) ||
		onnx_int(onnx, node, "axis", -1, &axis) || refuse_further_outputs(onnx, node))
		return -EINVAL;
	if (n_inputs == 3 && node->inputs[2] == GRAPH_NONE)
		n_inputs = 2;
	const struct attr attrs[] = { FLOAT_ATTR(ATTR_EPSILON, epsilon),
		INT_ATTR(ATTR_AXIS, axis) };
	return import_as(onnx, node, OP_LAYER_NORM, n_inputs, 2, attrs);
}

static int import_dropout(struct onnx *onnx, const struct onnx_node *node)
{
	float training;

	if (onnx_input_float(onnx, node, 2, 0, &training))
		return -ENOTSUP;
	if (training != 0)
		return onnx_refuse(
			onnx, node, -ENOTSUP, "training_mode is set; export for inference");
	return import_as(onnx, node, OP_IDENTITY, 1, 0, NULL);
}

static int import_concat(struct onnx *onnx, const struct onnx_node *node)
{
	const Onnx__AttributeProto *found;
	int64_t axis;

	if (onnx_attr(onnx, node, "axis", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, &found))
		return -EINVAL;
	if (!found)
		return onnx_refuse(onnx, node, -EINVAL, "attribute 'axis' is missing");
	axis = found->i;
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		if (node->inputs[i] == GRAPH_NONE)
			return onnx_refuse(onnx, node, -EINVAL, "input %u is missing", i);
	}
	const struct attr attr = INT_ATTR(ATTR_AXIS, axis);
	return import_as(onnx, node, OP_CONCAT, node->n_inputs, 1, &attr);
}

const struct onnx_operator ONNX_OPERATORS[] = {
	{ "Gemm", 2, 3, false, import_gemm },
	{ "MatMul", 2, 2, false, import_matmul },
	{ "Add", 2, 2, false, import_add },
	{ "Sub", 2, 2, false, import_sub },
	{ "Mul", 2, 2, false, import_mul },
	{ "Div", 2, 2, false, import_div },
	{ "Relu", 1, 1, false, import_relu },
	{ "LeakyRelu", 1, 1, false, import_leaky_relu },
	{ "Elu", 1, 1, false, import_elu },
	{ "Selu", 1, 1, false, import_selu },
	{ "PRelu", 2, 2, false, import_prelu },
	{ "Sigmoid", 1, 1, false, import_sigmoid },
	{ "HardSigmoid", 1, 1, false, import_hard_sigmoid },
	{ "Tanh", 1, 1, false, import_tanh },
	{ "Softplus", 1, 1, false, import_softplus },
	{ "Softsign", 1, 1, false, import_softsign },
	{ "Gelu", 1, 1, false, import_gelu },
	{ "Clip", 1, 3, false, import_clip },
	{ "Softmax", 1, 1, false, import_softmax },
	{ "LogSoftmax", 1, 1, false, import_log_softmax },
	{ "BatchNormalization", 5, 5, false, import_batch_norm },
	{ "LayerNormalization", 2, 3, false, import_layer_norm },
	{ "Identity", 1, 1, true, import_identity },
	{ "Dropout", 1, 3, true, import_dropout },
	{ "Flatten", 1, 1, true, onnx_import_flatten },
	{ "Reshape", 2, 2, true, onnx_import_reshape },
	{ "Squeeze", 1, 2, true, onnx_import_squeeze },
	{ "Unsqueeze", 1, 2, true, onnx_import_unsqueeze },
	{ "Concat", 1, GRAPH_NODE_IO_MAX, true, import_concat },
	{ "Constant", 0, 0, true, onnx_import_constant },
	{ "Cast", 1, 1, true, onnx_import_cast },
	{ .type = NULL },
};
