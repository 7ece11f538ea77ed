// SPDX-License-Identifier: BSD-3-Clause
// Who builds the step of which operator: its own builder (steps/*.c), or its plain form.
#include "infer/plan/table.h"
#include "infer/ops/table.h"

static plan_builder *const PLAN_BUILDERS[OP_COUNT] = {
	[OP_DENSE] = build_dense,
	[OP_AFFINE] = build_affine,
	[OP_GEMM] = build_gemm,
	[OP_MATMUL] = build_matmul,
	[OP_ADD] = build_binary,
	[OP_SUB] = build_binary,
	[OP_MUL] = build_binary,
	[OP_DIV] = build_binary,
	[OP_RELU] = build_activation,
	[OP_LEAKY_RELU] = build_activation,
	[OP_ELU] = build_activation,
	[OP_SELU] = build_activation,
	[OP_PRELU] = build_prelu,
	[OP_SIGMOID] = build_activation,
	[OP_HARD_SIGMOID] = build_activation,
	[OP_TANH] = build_activation,
	[OP_SOFTPLUS] = build_activation,
	[OP_SOFTSIGN] = build_activation,
	[OP_GELU] = build_activation,
	[OP_CLIP] = build_activation,
	[OP_SOFTMAX] = build_softmax,
	[OP_LOG_SOFTMAX] = build_softmax,
	[OP_BATCH_NORM] = build_batch_norm,
	[OP_LAYER_NORM] = build_layer_norm,
	[OP_NORMALIZER] = build_normalizer,
	[OP_CONCAT] = build_concat,
	[OP_TREES] = build_trees,
	[OP_CONV] = build_conv,
	[OP_MAX_POOL] = build_pool,
	[OP_AVERAGE_POOL] = build_pool,
	[OP_RNN] = build_recurrent,
	[OP_GRU] = build_recurrent,
	[OP_LSTM] = build_recurrent,
	[OP_TRANSPOSE] = build_transpose,
	[OP_REDUCE_SUM] = build_reduce,
	[OP_REDUCE_MEAN] = build_reduce,
	[OP_REDUCE_MAX] = build_reduce,
	[OP_QDENSE] = build_qdense,
	[OP_QCONV] = build_qconv,
	[OP_QUANTIZE_LINEAR] = build_quantise,
	[OP_DEQUANTIZE_LINEAR] = build_dequantise,
	[OP_DYNAMIC_QUANTIZE_LINEAR] = build_dynamic_quantise,
	[OP_DYNAMIC_QDENSE] = build_dynamic_qdense,
};

// Which builders take other dtypes than F32.
static bool takes_any_dtype(enum op op)
{
	return op == OP_DENSE || op == OP_CONCAT || op == OP_TREES || op == OP_QDENSE ||
		op == OP_QCONV || op == OP_MAX_POOL || op == OP_TRANSPOSE ||
		op == OP_QUANTIZE_LINEAR || op == OP_DEQUANTIZE_LINEAR || op == OP_DYNAMIC_QDENSE;
}

// Which builders can read the same values for every row.
static bool takes_constant(enum op op)
{
	return op == OP_ADD || op == OP_SUB || op == OP_MUL || op == OP_DIV || op == OP_CONCAT ||
		op == OP_MATMUL || op == OP_GEMM;
}

// Has the node a builder of its own for what it reads and writes? Its plain form takes the rest.
static bool is_fast(const struct builder *builder)
{
	const struct node *node = builder->node;
	const struct graph *graph = builder->graph;
	const uint32_t first = node->n_inputs ? builder->root[node->inputs[0]] : GRAPH_NONE;

	if (!PLAN_BUILDERS[node->op] || first == GRAPH_NONE)
		return false;
	if (graph->tensors[first].data && !takes_constant(node->op))
		return false;
	for (uint32_t i = 0; i < node->n_inputs && !takes_any_dtype(node->op); i++) {
		if (node->inputs[i] != GRAPH_NONE &&
			graph->tensors[node->inputs[i]].dtype != DTYPE_F32)
			return false;
	}
	return true;
}

int build_step(struct builder *builder)
{
	const enum op op = builder->node->op;
	int rc = -ENOTSUP;

	if (is_fast(builder))
		rc = PLAN_BUILDERS[op](builder);
	if (rc == -ENOTSUP && op_plain(op))
		return build_plain(builder);
	if (rc == -ENOTSUP && !is_fast(builder))
		error_set(builder->err, rc, "this build cannot compute it from such inputs");
	return rc;
}
