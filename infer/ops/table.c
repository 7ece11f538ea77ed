// SPDX-License-Identifier: BSD-3-Clause
// The table of rules, and op_infer().
#include "infer/ops/rule.h"

#include <inttypes.h>

static shape_rule *const RULES[OP_COUNT] = {
	[OP_DENSE] = shape_dense,
	[OP_AFFINE] = shape_affine,
	[OP_GEMM] = shape_gemm,
	[OP_MATMUL] = shape_matmul,
	[OP_ADD] = shape_binary,
	[OP_SUB] = shape_binary,
	[OP_MUL] = shape_binary,
	[OP_DIV] = shape_binary,
	[OP_RELU] = shape_arithmetic,
	[OP_LEAKY_RELU] = shape_unary,
	[OP_ELU] = shape_unary,
	[OP_SELU] = shape_unary,
	[OP_PRELU] = shape_prelu,
	[OP_SIGMOID] = shape_unary,
	[OP_HARD_SIGMOID] = shape_unary,
	[OP_TANH] = shape_unary,
	[OP_SOFTPLUS] = shape_unary,
	[OP_SOFTSIGN] = shape_unary,
	[OP_GELU] = shape_gelu,
	[OP_CLIP] = shape_unary,
	[OP_SOFTMAX] = shape_softmax,
	[OP_LOG_SOFTMAX] = shape_softmax,
	[OP_BATCH_NORM] = shape_batch_norm,
	[OP_LAYER_NORM] = shape_layer_norm,
	[OP_NORMALIZER] = shape_normalizer,
	[OP_IDENTITY] = shape_same,
	[OP_RESHAPE] = shape_reshape,
	[OP_CONCAT] = shape_concat,
	[OP_CAST] = shape_cast,
	[OP_ABS] = shape_arithmetic,
	[OP_NEG] = shape_arithmetic,
	[OP_CEIL] = shape_arithmetic,
	[OP_FLOOR] = shape_arithmetic,
	[OP_ROUND] = shape_arithmetic,
	[OP_EXP] = shape_unary,
	[OP_LOG] = shape_unary,
	[OP_SQRT] = shape_unary,
	[OP_RECIPROCAL] = shape_unary,
	[OP_SIGN] = shape_arithmetic,
	[OP_ERF] = shape_unary,
	[OP_SIN] = shape_unary,
	[OP_COS] = shape_unary,
	[OP_TAN] = shape_unary,
	[OP_ASIN] = shape_unary,
	[OP_ACOS] = shape_unary,
	[OP_ATAN] = shape_unary,
	[OP_SINH] = shape_unary,
	[OP_COSH] = shape_unary,
	[OP_ASINH] = shape_unary,
	[OP_ACOSH] = shape_unary,
	[OP_ATANH] = shape_unary,
	[OP_IS_NAN] = shape_is_nan,
	[OP_NOT] = shape_not,
	[OP_BITWISE_NOT] = shape_bitwise,
	[OP_MOD] = shape_binary,
	[OP_POW] = shape_binary,
	[OP_MIN] = shape_binary,
	[OP_MAX] = shape_binary,
	[OP_AND] = shape_logic,
	[OP_OR] = shape_logic,
	[OP_XOR] = shape_logic,
	[OP_BITWISE_AND] = shape_bitwise,
	[OP_BITWISE_OR] = shape_bitwise,
	[OP_BITWISE_XOR] = shape_bitwise,
	[OP_BIT_SHIFT] = shape_bitwise,
	[OP_EQUAL] = shape_compare,
	[OP_GREATER] = shape_compare,
	[OP_GREATER_OR_EQUAL] = shape_compare,
	[OP_LESS] = shape_compare,
	[OP_LESS_OR_EQUAL] = shape_compare,
	[OP_WHERE] = shape_where,
	[OP_TRANSPOSE] = shape_transpose,
	[OP_TREES] = shape_trees,
	[OP_ARG_MAX] = shape_arg,
	[OP_ARG_MIN] = shape_arg,
	[OP_QUANTIZE_LINEAR] = shape_quantize_linear,
	[OP_DEQUANTIZE_LINEAR] = shape_dequantize_linear,
	[OP_DYNAMIC_QUANTIZE_LINEAR] = shape_dynamic_quantize_linear,
	[OP_QLINEAR_MATMUL] = shape_qlinear_matmul,
	[OP_MATMUL_INTEGER] = shape_matmul_integer,
	[OP_QDENSE] = shape_qdense,
	[OP_CONV_INTEGER] = shape_conv_integer,
	[OP_QLINEAR_CONV] = shape_qlinear_conv,
	[OP_QCONV] = shape_qconv,
	[OP_SVM] = shape_svm,
	[OP_DYNAMIC_QDENSE] = shape_dynamic_qdense,
	[OP_PAIRWISE_COUPLING] = shape_pairwise_coupling,
	[OP_REDUCE_SUM] = shape_reduce,
	[OP_REDUCE_MEAN] = shape_reduce,
	[OP_REDUCE_MAX] = shape_reduce,
	[OP_REDUCE_MIN] = shape_reduce,
	[OP_REDUCE_PROD] = shape_reduce,
	[OP_REDUCE_L1] = shape_reduce,
	[OP_REDUCE_L2] = shape_reduce,
	[OP_REDUCE_LOG_SUM] = shape_reduce,
	[OP_REDUCE_LOG_SUM_EXP] = shape_reduce,
	[OP_REDUCE_SUM_SQUARE] = shape_reduce,
	[OP_CUM_SUM] = shape_cum_sum,
	[OP_TOP_K] = shape_top_k,
	[OP_SLICE] = shape_slice,
	[OP_PAD] = shape_pad,
	[OP_TILE] = shape_tile,
	[OP_GATHER] = shape_gather,
	[OP_GATHER_ELEMENTS] = shape_gather_elements,
	[OP_GATHER_ND] = shape_gather_nd,
	[OP_SCATTER_ELEMENTS] = shape_scatter_elements,
	[OP_SCATTER_ND] = shape_scatter_nd,
	[OP_ONE_HOT] = shape_one_hot,
	[OP_CONV] = shape_conv,
	[OP_CONV_TRANSPOSE] = shape_conv_transpose,
	[OP_MAX_POOL] = shape_pool,
	[OP_AVERAGE_POOL] = shape_pool,
	[OP_LP_POOL] = shape_pool,
	[OP_RNN] = shape_recurrent,
	[OP_GRU] = shape_recurrent,
	[OP_LSTM] = shape_recurrent,
};

// Arity, indices, which inputs may be left out, and shapes of what comes in.
static int check_io(const struct inference *in)
{
	const struct node *node = in->node;
	const struct op_arity *arity = op_arity(node->op);

	if (!arity || !RULES[node->op])
		return shape_refuse(in, "operator %u is unknown", (unsigned)node->op);
	if (node->n_inputs < arity->inputs_min || node->n_inputs > arity->inputs_max)
		return shape_refuse(in, "has %" PRIu32 " inputs, should have %u to %u",
			node->n_inputs, arity->inputs_min, arity->inputs_max);
	if (node->n_outputs < arity->outputs_min || node->n_outputs > arity->outputs_max)
		return shape_refuse(in, "has %" PRIu32 " outputs, should have %u to %u",
			node->n_outputs, arity->outputs_min, arity->outputs_max);
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		uint32_t t = node->inputs[i];

		if (t >= in->graph->n_tensors && (t != GRAPH_NONE || i < arity->inputs_min))
			return shape_refuse(
				in, "input %" PRIu32 " is missing or names no tensor", i);
		if (t != GRAPH_NONE && tensor_check_shape(&in->graph->tensors[t], in->err) != 0)
			return error_prefix(in->err, "input %" PRIu32, i);
	}
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		uint32_t t = node->outputs[o];

		if (t >= in->graph->n_tensors && (t != GRAPH_NONE || o < arity->outputs_min))
			return shape_refuse(
				in, "output %" PRIu32 " is missing or names no tensor", o);
	}
	return 0;
}

int op_infer(const struct graph *graph, const struct node *node, struct tensor *outputs,
	struct error *err)
{
	const struct inference in = { graph, node, err };

	if (check_io(&in) != 0 || RULES[node->op](&in, outputs) != 0)
		return -EINVAL;
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		if (tensor_check_shape(&outputs[o], err) != 0)
			return error_prefix(err, "output %" PRIu32, o);
	}
	return 0;
}
