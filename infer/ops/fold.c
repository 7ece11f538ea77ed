// SPDX-License-Identifier: BSD-3-Clause
// The table, and constants computed once.
#include "infer/graph/arena.h"
#include "infer/ops/plain.h"

#include <stdlib.h>

#define FOLD_WORK_MAX ((uint64_t)1 << 26)

static const struct general_op OPS[OP_COUNT] = {
	[OP_IDENTITY] = { .run = general_unary },
	[OP_RESHAPE] = { .run = general_unary },
	[OP_RELU] = { .run = general_unary },
	[OP_SIGMOID] = { .run = general_unary },
	[OP_TANH] = { .run = general_unary },
	[OP_SOFTPLUS] = { .run = general_unary },
	[OP_SOFTSIGN] = { .run = general_unary },
	[OP_ABS] = { .run = general_unary },
	[OP_NEG] = { .run = general_unary },
	[OP_CEIL] = { .run = general_unary },
	[OP_FLOOR] = { .run = general_unary },
	[OP_ROUND] = { .run = general_unary },
	[OP_EXP] = { .run = general_unary },
	[OP_LOG] = { .run = general_unary },
	[OP_SQRT] = { .run = general_unary },
	[OP_RECIPROCAL] = { .run = general_unary },
	[OP_SIGN] = { .run = general_unary },
	[OP_ERF] = { .run = general_unary },
	[OP_SIN] = { .run = general_unary },
	[OP_COS] = { .run = general_unary },
	[OP_TAN] = { .run = general_unary },
	[OP_ASIN] = { .run = general_unary },
	[OP_ACOS] = { .run = general_unary },
	[OP_ATAN] = { .run = general_unary },
	[OP_SINH] = { .run = general_unary },
	[OP_COSH] = { .run = general_unary },
	[OP_ASINH] = { .run = general_unary },
	[OP_ACOSH] = { .run = general_unary },
	[OP_ATANH] = { .run = general_unary },
	[OP_IS_NAN] = { .run = general_unary },
	[OP_NOT] = { .run = general_unary },
	[OP_BITWISE_NOT] = { .run = general_unary },
	[OP_ADD] = { .run = general_binary },
	[OP_SUB] = { .run = general_binary },
	[OP_MUL] = { .run = general_binary },
	[OP_DIV] = { .run = general_binary },
	[OP_MOD] = { .run = general_binary },
	[OP_POW] = { .run = general_binary },
	[OP_MIN] = { .run = general_binary },
	[OP_MAX] = { .run = general_binary },
	[OP_AND] = { .run = general_binary },
	[OP_OR] = { .run = general_binary },
	[OP_XOR] = { .run = general_binary },
	[OP_BITWISE_AND] = { .run = general_binary },
	[OP_BITWISE_OR] = { .run = general_binary },
	[OP_BITWISE_XOR] = { .run = general_binary },
	[OP_BIT_SHIFT] = { .run = general_binary },
	[OP_EQUAL] = { .run = general_compare },
	[OP_GREATER] = { .run = general_compare },
	[OP_GREATER_OR_EQUAL] = { .run = general_compare },
	[OP_LESS] = { .run = general_compare },
	[OP_LESS_OR_EQUAL] = { .run = general_compare },
	[OP_WHERE] = { .run = general_where },
	[OP_CAST] = { .run = general_cast },
	[OP_TRANSPOSE] = { .run = general_transpose },
	[OP_MATMUL] = { .run = general_matmul, .work = general_matmul_work },
	[OP_ARG_MAX] = { .run = general_arg },
	[OP_ARG_MIN] = { .run = general_arg },
	[OP_QUANTIZE_LINEAR] = { .run = general_quantize_linear },
	[OP_DEQUANTIZE_LINEAR] = { .run = general_dequantize_linear },
	[OP_DYNAMIC_QUANTIZE_LINEAR] = { .run = general_dynamic_quantize_linear },
	[OP_QLINEAR_MATMUL] = { .run = general_quantised_matmul,
		.work = general_quantised_matmul_work },
	[OP_MATMUL_INTEGER] = { .run = general_quantised_matmul,
		.work = general_quantised_matmul_work },
	[OP_CONV_INTEGER] = { .run = general_quantised_conv, .work = general_quantised_conv_work },
	[OP_QLINEAR_CONV] = { .run = general_quantised_conv, .work = general_quantised_conv_work },
	[OP_SVM] = { general_svm, general_svm_scratch, general_svm_work },
	[OP_PAIRWISE_COUPLING] = { general_coupling, general_coupling_scratch,
		general_coupling_work },
	[OP_REDUCE_SUM] = { .run = general_reduce },
	[OP_REDUCE_MEAN] = { .run = general_reduce },
	[OP_REDUCE_MAX] = { .run = general_reduce },
	[OP_REDUCE_MIN] = { .run = general_reduce },
	[OP_REDUCE_PROD] = { .run = general_reduce },
	[OP_REDUCE_L1] = { .run = general_reduce },
	[OP_REDUCE_L2] = { .run = general_reduce },
	[OP_REDUCE_LOG_SUM] = { .run = general_reduce },
	[OP_REDUCE_LOG_SUM_EXP] = { .run = general_reduce },
	[OP_REDUCE_SUM_SQUARE] = { .run = general_reduce },
	[OP_CUM_SUM] = { .run = general_cum_sum },
	[OP_TOP_K] = { .run = general_top_k, .work = general_top_k_work },
	[OP_SLICE] = { .run = general_slice },
	[OP_PAD] = { .run = general_pad },
	[OP_TILE] = { .run = general_tile },
	[OP_GATHER] = { .run = general_gather },
	[OP_GATHER_ELEMENTS] = { .run = general_gather_elements },
	[OP_GATHER_ND] = { .run = general_gather_nd },
	[OP_SCATTER_ELEMENTS] = { .run = general_scatter_elements },
	[OP_SCATTER_ND] = { .run = general_scatter_nd },
	[OP_ONE_HOT] = { .run = general_one_hot },
	[OP_CONV] = { .run = general_conv, .work = general_conv_work },
	[OP_CONV_TRANSPOSE] = { .run = general_conv_transpose, .work = general_conv_work },
	[OP_MAX_POOL] = { .run = general_pool, .work = general_pool_work },
	[OP_AVERAGE_POOL] = { .run = general_pool, .work = general_pool_work },
	[OP_LP_POOL] = { .run = general_pool, .work = general_pool_work },
	[OP_RNN] = { general_recurrent, general_recurrent_scratch, general_recurrent_work },
	[OP_GRU] = { general_recurrent, general_recurrent_scratch, general_recurrent_work },
	[OP_LSTM] = { general_recurrent, general_recurrent_scratch, general_recurrent_work },
};

const struct general_op *general_op(enum op op)
{
	return op < OP_COUNT && OPS[op].run ? &OPS[op] : NULL;
}

static uint64_t fold_work(const struct general_op *op, const struct general *general)
{
	uint64_t values = 0;

	for (uint32_t i = 0; i < general->n_in; i++)
		values += (uint64_t)tensor_elements(&general->in[i]);
	for (uint32_t o = 0; o < general->n_out; o++)
		values += (uint64_t)tensor_elements(&general->out[o]);
	return values + (op->work ? op->work(general) : 0);
}

static int fold(struct graph *graph, const struct node *node, const struct general_op *op,
	struct error *err)
{
	static const struct tensor LEFT_OUT = { .dims = { 0 } };
	struct tensor in[GENERAL_IN_MAX], out[GENERAL_OUT_MAX];
	const void *x[GENERAL_IN_MAX];
	void *y[GENERAL_OUT_MAX], *scratch = NULL;
	const struct general general = {
		.node = node, .in = in, .out = out, .n_in = node->n_inputs, .n_out = node->n_outputs
	};
	const struct node *folded;
	size_t scratch_bytes;

	for (uint32_t i = 0; i < node->n_inputs; i++) {
		uint32_t t = node->inputs[i];

		in[i] = t == GRAPH_NONE ? LEFT_OUT : graph->tensors[t];
		x[i] = in[i].data;
		if (t != GRAPH_NONE && !x[i])
			return 0;
	}
	for (uint32_t o = 0; o < node->n_outputs; o++)
		out[o] = node->outputs[o] == GRAPH_NONE ? LEFT_OUT
							: graph->tensors[node->outputs[o]];
	if (fold_work(op, &general) > FOLD_WORK_MAX)
		return 0;
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		y[o] = NULL;
		if (node->outputs[o] != GRAPH_NONE) {
			y[o] = arena_calloc(graph->arena, tensor_bytes(&out[o]) + 1, 1);
			if (!y[o])
				return error_set(
					err, -ENOMEM, "out of memory to fold '%s'", node->name);
		}
	}
	scratch_bytes = op->scratch_bytes ? op->scratch_bytes(&general) : 0;
	scratch = malloc(scratch_bytes + 1);
	if (!scratch)
		return error_set(err, -ENOMEM, "out of memory to fold '%s'", node->name);
	op->run(&general, x, y, scratch);
	free(scratch);
	folded = arena_memdup(graph->arena, node, sizeof(*node));
	if (!folded)
		return error_set(err, -ENOMEM, "out of memory to fold '%s'", node->name);
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		if (!y[o])
			continue;
		graph->tensors[node->outputs[o]].data = y[o];
		graph->tensors[node->outputs[o]].folded = folded;
	}
	return 1;
}

int general_fold(struct graph *graph, const struct node *node, struct error *err)
{
	const struct general_op *op = general_op(node->op);

	if (!op || node->n_inputs == 0 || node->n_inputs > GENERAL_IN_MAX ||
		node->n_outputs > GENERAL_OUT_MAX)
		return 0;
	return fold(graph, node, op, err);
}
