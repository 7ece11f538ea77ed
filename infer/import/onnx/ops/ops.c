// SPDX-License-Identifier: BSD-3-Clause
// The operators of ai.onnx, opsets 1 to 25, older forms translated to the graph's (ops.h).
#include "infer/import/onnx/onnx.h"

#include <float.h>
#include <string.h>

#define PLAIN(function, op)                                                                        \
	static int function(struct onnx *onnx, const struct onnx_node *node)                       \
	{                                                                                          \
		return onnx_import_as(onnx, node, op, node->n_inputs, 0, NULL);                    \
	}
PLAIN(import_matmul, OP_MATMUL)
PLAIN(import_relu, OP_RELU)
PLAIN(import_sigmoid, OP_SIGMOID)
PLAIN(import_tanh, OP_TANH)
PLAIN(import_softplus, OP_SOFTPLUS)
PLAIN(import_softsign, OP_SOFTSIGN)
PLAIN(import_identity, OP_IDENTITY)

#define ARITHMETIC(function, op)                                                                   \
	static int function(struct onnx *onnx, const struct onnx_node *node)                       \
	{                                                                                          \
		int rc = onnx_old_broadcast(onnx, node);                                           \
                                                                                                   \
		return rc ? rc : onnx_import_as(onnx, node, op, 2, 0, NULL);                       \
	}
ARITHMETIC(import_add, OP_ADD)
ARITHMETIC(import_sub, OP_SUB)
ARITHMETIC(import_mul, OP_MUL)
ARITHMETIC(import_div, OP_DIV)

static int import_alpha(
	struct onnx *onnx, const struct onnx_node *node, enum op op, float otherwise)
{
	float alpha;

	if (onnx_float(onnx, node, "alpha", otherwise, &alpha))
		return -EINVAL;
	const struct attr attr = ONNX_FLOAT(ATTR_ALPHA, alpha);
	return onnx_import_as(onnx, node, op, 1, 1, &attr);
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
	const struct attr attrs[] = { ONNX_FLOAT(ATTR_ALPHA, alpha),
		ONNX_FLOAT(ATTR_GAMMA, gamma) };
	return onnx_import_as(onnx, node, OP_SELU, 1, 2, attrs);
}

static int import_hard_sigmoid(struct onnx *onnx, const struct onnx_node *node)
{
	float alpha, beta;

	if (onnx_float(onnx, node, "alpha", 0.2f, &alpha) ||
		onnx_float(onnx, node, "beta", 0.5f, &beta))
		return -EINVAL;
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
		return -EINVAL;
	if (strcmp(approximate, "none") != 0 && strcmp(approximate, "tanh") != 0)
		return onnx_refuse(onnx, node, -EINVAL,
			"approximate is '%.40s', should be none or tanh", approximate);
	const struct attr attr = ONNX_INT(ATTR_APPROXIMATE, approximate[0] == 't');
	return onnx_import_as(onnx, node, OP_GELU, 1, 1, &attr);
}

static bool is_given(const struct onnx_node *node, uint32_t i)
{
	return i < node->n_inputs && node->inputs[i] != GRAPH_NONE;
}

// Limits that are computed, or of whole numbers: Min(Max(x, low), high).
static int clip_as_pairs(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t made = node->inputs[0];

	for (uint32_t i = 1; i <= 2; i++) {
		if (!is_given(node, i))
			continue;
		if (tensor_elements(onnx_input(onnx, node, i)) != 1)
			return onnx_refuse(onnx, node, -ENOTSUP,
				"input %u ('%.80s') must be one value", i,
				onnx_input(onnx, node, i)->name);
		made = onnx_emit_pair(onnx, node, i == 1 ? OP_MAX : OP_MIN, made, node->inputs[i]);
		if (made == GRAPH_NONE)
			return -EINVAL;
	}
	if (made == node->inputs[0])
		made = onnx_emit(onnx, node, OP_IDENTITY, 1, &made, 0, NULL);
	return onnx_output(onnx, node, 0, made);
}

// Limits are attributes before opset 11 and inputs since.
static int import_clip(struct onnx *onnx, const struct onnx_node *node)
{
	bool computed = onnx_input(onnx, node, 0)->dtype != DTYPE_F32;
	float low, high;
	int rc;

	for (uint32_t i = 1; i <= 2; i++)
		computed |= is_given(node, i) && !onnx_input(onnx, node, i)->data;
	if (onnx->opset >= 11 && computed)
		return clip_as_pairs(onnx, node);
	if (onnx->opset < 11) {
		rc = onnx_float(onnx, node, "min", -FLT_MAX, &low);
		rc = rc ? rc : onnx_float(onnx, node, "max", FLT_MAX, &high);
	} else {
		rc = onnx_input_float(onnx, node, 1, -FLT_MAX, &low);
		rc = rc ? rc : onnx_input_float(onnx, node, 2, FLT_MAX, &high);
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

	if (onnx_old_test_mode(onnx, node))
		return -ENOTSUP;
	if (onnx_input_float(onnx, node, 2, 0, &training))
		return -ENOTSUP;
	if (training != 0)
		return onnx_refuse(
			onnx, node, -ENOTSUP, "training_mode is set; export for inference");
	if (node->proto->n_output > 1 && *node->proto->output[1]) { // the mask: all are kept
		const struct tensor x = *onnx_input(onnx, node, 0);
		uint32_t mask = onnx_made(onnx, node, DTYPE_BOOL, x.rank, x.dims, &data);

		if (mask != GRAPH_NONE)
			memset(data, 1, (size_t)tensor_elements(&x));
		if (onnx_output(onnx, node, 1, mask))
			return -ENOMEM;
	}
	return onnx_import_as(onnx, node, OP_IDENTITY, 1, 0, NULL);
}

static int import_concat(struct onnx *onnx, const struct onnx_node *node)
{
	const Onnx__AttributeProto *found;
	int64_t axis;

	if (onnx_attr(onnx, node, "axis", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, &found))
		return -EINVAL;
	if (!found && onnx->opset >= 4)
		return onnx_refuse(onnx, node, -EINVAL, "attribute 'axis' is missing");
	axis = found ? found->i : 1;
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		if (node->inputs[i] == GRAPH_NONE)
			return onnx_refuse(onnx, node, -EINVAL, "input %u is missing", i);
	}
	const struct attr attr = ONNX_INT(ATTR_AXIS, axis);
	return onnx_import_as(onnx, node, OP_CONCAT, node->n_inputs, 1, &attr);
}

const struct onnx_operator ONNX_OPERATORS[] = {
	{ "Gemm", 2, 3, onnx_import_gemm },
	{ "MatMul", 2, 2, import_matmul },
	{ "Add", 2, 2, import_add },
	{ "Sub", 2, 2, import_sub },
	{ "Mul", 2, 2, import_mul },
	{ "Div", 2, 2, import_div },
	{ "Relu", 1, 1, import_relu },
	{ "LeakyRelu", 1, 1, import_leaky_relu },
	{ "Elu", 1, 1, import_elu },
	{ "Selu", 1, 1, import_selu },
	{ "PRelu", 2, 2, onnx_import_prelu },
	{ "Sigmoid", 1, 1, import_sigmoid },
	{ "HardSigmoid", 1, 1, import_hard_sigmoid },
	{ "Tanh", 1, 1, import_tanh },
	{ "Softplus", 1, 1, import_softplus },
	{ "Softsign", 1, 1, import_softsign },
	{ "Gelu", 1, 1, import_gelu },
	{ "Clip", 1, 3, import_clip },
	{ "Softmax", 1, 1, onnx_import_softmax },
	{ "LogSoftmax", 1, 1, onnx_import_log_softmax },
	{ "BatchNormalization", 5, 5, onnx_import_batch_norm },
	{ "LayerNormalization", 2, 3, onnx_import_layer_norm },
	{ "RMSNormalization", 2, 2, onnx_import_rms_norm },
	{ "LpNormalization", 1, 1, onnx_import_lp_norm },
	{ "InstanceNormalization", 3, 3, onnx_import_instance_norm },
	{ "LRN", 1, 1, onnx_import_lrn },
	{ "Swish", 1, 1, onnx_import_swish },
	{ "Resize", 1, 4, onnx_import_resize },
	{ "Upsample", 1, 2, onnx_import_resize },
	{ "Identity", 1, 1, import_identity },
	{ "Dropout", 1, 3, import_dropout },
	{ "Flatten", 1, 1, onnx_import_flatten },
	{ "Reshape", 1, 2, onnx_import_reshape },
	{ "Squeeze", 1, 2, onnx_import_squeeze },
	{ "Unsqueeze", 1, 2, onnx_import_unsqueeze },
	{ "Concat", 1, GRAPH_NODE_IO_MAX, import_concat },
	{ "Constant", 0, 0, onnx_import_constant },
	{ "Cast", 1, 1, onnx_import_cast },
	{ "Abs", 1, 1, onnx_import_same },
	{ "Neg", 1, 1, onnx_import_same },
	{ "Ceil", 1, 1, onnx_import_same },
	{ "Floor", 1, 1, onnx_import_same },
	{ "Round", 1, 1, onnx_import_same },
	{ "Exp", 1, 1, onnx_import_same },
	{ "Log", 1, 1, onnx_import_same },
	{ "Sqrt", 1, 1, onnx_import_same },
	{ "Reciprocal", 1, 1, onnx_import_same },
	{ "Sign", 1, 1, onnx_import_same },
	{ "Erf", 1, 1, onnx_import_same },
	{ "Sin", 1, 1, onnx_import_same },
	{ "Cos", 1, 1, onnx_import_same },
	{ "Tan", 1, 1, onnx_import_same },
	{ "Asin", 1, 1, onnx_import_same },
	{ "Acos", 1, 1, onnx_import_same },
	{ "Atan", 1, 1, onnx_import_same },
	{ "Sinh", 1, 1, onnx_import_same },
	{ "Cosh", 1, 1, onnx_import_same },
	{ "Asinh", 1, 1, onnx_import_same },
	{ "Acosh", 1, 1, onnx_import_same },
	{ "Atanh", 1, 1, onnx_import_same },
	{ "IsNaN", 1, 1, onnx_import_same },
	{ "Not", 1, 1, onnx_import_same },
	{ "BitwiseNot", 1, 1, onnx_import_same },
	{ "BitwiseAnd", 2, 2, onnx_import_same },
	{ "BitwiseOr", 2, 2, onnx_import_same },
	{ "BitwiseXor", 2, 2, onnx_import_same },
	{ "Pow", 2, 2, onnx_import_pair },
	{ "And", 2, 2, onnx_import_pair },
	{ "Or", 2, 2, onnx_import_pair },
	{ "Xor", 2, 2, onnx_import_pair },
	{ "Equal", 2, 2, onnx_import_pair },
	{ "Greater", 2, 2, onnx_import_pair },
	{ "GreaterOrEqual", 2, 2, onnx_import_pair },
	{ "Less", 2, 2, onnx_import_pair },
	{ "LessOrEqual", 2, 2, onnx_import_pair },
	{ "Where", 3, 3, onnx_import_same },
	{ "Mod", 2, 2, onnx_import_mod },
	{ "BitShift", 2, 2, onnx_import_bit_shift },
	{ "Min", 1, GRAPH_NODE_IO_MAX, onnx_import_chain },
	{ "Max", 1, GRAPH_NODE_IO_MAX, onnx_import_chain },
	{ "Sum", 1, GRAPH_NODE_IO_MAX, onnx_import_chain },
	{ "Mean", 1, GRAPH_NODE_IO_MAX, onnx_import_chain },
	{ "Transpose", 1, 1, onnx_import_transpose },
	{ "ArgMax", 1, 1, onnx_import_arg },
	{ "ArgMin", 1, 1, onnx_import_arg },
	{ "QuantizeLinear", 2, 3, onnx_import_quantize_linear },
	{ "DequantizeLinear", 2, 3, onnx_import_dequantize_linear },
	{ "DynamicQuantizeLinear", 1, 1, onnx_import_dynamic_quantize_linear },
	{ "QLinearMatMul", 8, 8, onnx_import_quantised_product },
	{ "MatMulInteger", 2, 4, onnx_import_quantised_product },
	{ "QLinearConv", 8, 9, onnx_import_quantised_conv },
	{ "ConvInteger", 2, 4, onnx_import_quantised_conv },
	{ "Shape", 1, 1, onnx_import_shape },
	{ "Size", 1, 1, onnx_import_size },
	{ "ConstantOfShape", 1, 1, onnx_import_constant_of_shape },
	{ "Range", 3, 3, onnx_import_range },
	{ "EyeLike", 1, 1, onnx_import_eye_like },
	{ "CastLike", 2, 2, onnx_import_cast_like },
	{ "Expand", 2, 2, onnx_import_expand },
	{ "Trilu", 1, 2, onnx_import_trilu },
	{ "DepthToSpace", 1, 1, onnx_import_depth_to_space },
	{ "SpaceToDepth", 1, 1, onnx_import_space_to_depth },
	{ "ThresholdedRelu", 1, 1, onnx_import_thresholded_relu },
	{ "Shrink", 1, 1, onnx_import_shrink },
	{ "HardSwish", 1, 1, onnx_import_hard_swish },
	{ "Celu", 1, 1, onnx_import_celu },
	{ "Mish", 1, 1, onnx_import_mish },
	{ "IsInf", 1, 1, onnx_import_is_inf },
	{ "Hardmax", 1, 1, onnx_import_hardmax },
	{ "ReduceSum", 1, 2, onnx_import_reduce },
	{ "ReduceMean", 1, 2, onnx_import_reduce },
	{ "ReduceMax", 1, 2, onnx_import_reduce },
	{ "ReduceMin", 1, 2, onnx_import_reduce },
	{ "ReduceProd", 1, 2, onnx_import_reduce },
	{ "ReduceL1", 1, 2, onnx_import_reduce },
	{ "ReduceL2", 1, 2, onnx_import_reduce },
	{ "ReduceLogSum", 1, 2, onnx_import_reduce },
	{ "ReduceLogSumExp", 1, 2, onnx_import_reduce },
	{ "ReduceSumSquare", 1, 2, onnx_import_reduce },
	{ "CumSum", 2, 2, onnx_import_cum_sum },
	{ "TopK", 1, 2, onnx_import_top_k },
	{ "Gather", 2, 2, onnx_import_gather },
	{ "GatherElements", 2, 2, onnx_import_gather_elements },
	{ "GatherND", 2, 2, onnx_import_gather_nd },
	{ "ScatterElements", 3, 3, onnx_import_scatter_elements },
	{ "Scatter", 3, 3, onnx_import_scatter_elements },
	{ "ScatterND", 3, 3, onnx_import_scatter_nd },
	{ "OneHot", 3, 3, onnx_import_one_hot },
	{ "Slice", 1, 5, onnx_import_slice },
	{ "Split", 1, 2, onnx_import_split },
	{ "Pad", 1, 4, onnx_import_pad },
	{ "Tile", 2, 2, onnx_import_tile },
	{ "Conv", 2, 3, onnx_import_conv },
	{ "ConvTranspose", 2, 3, onnx_import_conv_transpose },
	{ "MaxPool", 1, 1, onnx_import_pool },
	{ "AveragePool", 1, 1, onnx_import_pool },
	{ "LpPool", 1, 1, onnx_import_pool },
	{ "GlobalMaxPool", 1, 1, onnx_import_global_pool },
	{ "GlobalAveragePool", 1, 1, onnx_import_global_pool },
	{ "GlobalLpPool", 1, 1, onnx_import_global_pool },
	{ "RNN", 3, 6, onnx_import_recurrent },
	{ "GRU", 3, 6, onnx_import_recurrent },
	{ "LSTM", 3, 8, onnx_import_recurrent },
	{ "Einsum", 1, 16, onnx_import_einsum },
	{ .type = NULL },
};
