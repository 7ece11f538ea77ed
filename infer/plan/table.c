// SPDX-License-Identifier: BSD-3-Clause
// Who builds the step of which operator: its own builder (steps/*.c), or its plain form.
#include "infer/plan/table.h"
#include "infer/plan/groups.h"
#include "infer/plan/steps/chain.h"
#include "infer/plan/steps/chain_form.h"
#include "infer/plan/steps/conv.h"
#include "infer/plan/steps/conv_tile.h"
#include "infer/plan/steps/elementwise.h"
#include "infer/plan/steps/move.h"
#include "infer/plan/steps/norm.h"
#include "infer/plan/steps/plain.h"
#include "infer/plan/steps/pool.h"
#include "infer/plan/steps/product.h"
#include "infer/plan/steps/quantise.h"
#include "infer/plan/steps/quantise_conv.h"
#include "infer/plan/steps/quantise_dynamic.h"
#include "infer/plan/steps/quantise_recurrent.h"
#include "infer/plan/steps/recurrent.h"
#include "infer/plan/steps/reduce.h"
#include "infer/plan/steps/trees.h"

struct plan_operator {
	plan_builder *build;
	bool takes_any_dtype;                  // inputs that are not F32
	bool takes_constant;                   // an input 0 that is the same for every row
	channels_last_fn *takes_channels_last; // input 0 in that layout; NULL: never
};

static const struct plan_operator PLAN_OPERATORS[OP_COUNT] = {
	[OP_DENSE] = { .build = build_dense, .takes_any_dtype = true },
	[OP_AFFINE] = { .build = build_affine },
	[OP_GEMM] = { .build = build_gemm, .takes_constant = true },
	[OP_MATMUL] = { .build = build_matmul, .takes_constant = true },
	[OP_ADD] = { .build = build_binary, .takes_constant = true },
	[OP_SUB] = { .build = build_binary, .takes_constant = true },
	[OP_MUL] = { .build = build_binary, .takes_constant = true },
	[OP_DIV] = { .build = build_binary, .takes_constant = true },
	[OP_RELU] = { .build = build_activation },
	[OP_LEAKY_RELU] = { .build = build_activation },
	[OP_ELU] = { .build = build_activation },
	[OP_SELU] = { .build = build_activation },
	[OP_PRELU] = { .build = build_prelu },
	[OP_SIGMOID] = { .build = build_activation },
	[OP_HARD_SIGMOID] = { .build = build_activation },
	[OP_TANH] = { .build = build_activation },
	[OP_SOFTPLUS] = { .build = build_activation },
	[OP_SOFTSIGN] = { .build = build_activation },
	[OP_GELU] = { .build = build_activation },
	[OP_CLIP] = { .build = build_activation },
	[OP_SOFTMAX] = { .build = build_softmax },
	[OP_LOG_SOFTMAX] = { .build = build_softmax },
	[OP_BATCH_NORM] = { .build = build_batch_norm },
	[OP_LAYER_NORM] = { .build = build_layer_norm },
	[OP_NORMALIZER] = { .build = build_normalizer },
	[OP_CONCAT] = { .build = build_concat, .takes_any_dtype = true, .takes_constant = true },
	[OP_TREES] = { .build = build_trees, .takes_any_dtype = true },
	[OP_CONV] = { .build = build_conv, .takes_channels_last = conv_takes_channels_last },
	[OP_MAX_POOL] = { .build = build_pool,
		.takes_any_dtype = true,
		.takes_channels_last = pool_takes_channels_last },
	[OP_AVERAGE_POOL] = { .build = build_pool,
		.takes_channels_last = pool_takes_channels_last },
	[OP_RNN] = { .build = build_recurrent },
	[OP_GRU] = { .build = build_recurrent },
	[OP_LSTM] = { .build = build_recurrent },
	[OP_TRANSPOSE] = { .build = build_transpose, .takes_any_dtype = true },
	[OP_SLICE] = { .build = build_slice, .takes_any_dtype = true },
	[OP_GATHER] = { .build = build_gather, .takes_any_dtype = true },
	[OP_REDUCE_SUM] = { .build = build_reduce },
	[OP_REDUCE_MEAN] = { .build = build_reduce },
	[OP_REDUCE_MAX] = { .build = build_reduce },
	[OP_QDENSE] = { .build = build_qdense, .takes_any_dtype = true },
	[OP_QCONV] = { .build = build_qconv,
		.takes_any_dtype = true,
		.takes_channels_last = qconv_takes_channels_last },
	[OP_QUANTIZE_LINEAR] = { .build = build_quantise, .takes_any_dtype = true },
	[OP_DEQUANTIZE_LINEAR] = { .build = build_dequantise, .takes_any_dtype = true },
	[OP_DYNAMIC_QUANTIZE_LINEAR] = { .build = build_dynamic_quantise },
	[OP_DYNAMIC_QDENSE] = { .build = build_dynamic_qdense, .takes_any_dtype = true },
	[OP_QLOOKUP] = { .build = build_qlookup,
		.takes_any_dtype = true,
		.takes_channels_last = qlookup_takes_channels_last },
	[OP_QRECURRENT] = { .build = build_qrecurrent, .takes_any_dtype = true },
};

// Has the node a builder of its own for what it reads and writes? Its plain form takes the rest.
static bool is_fast(const struct builder *builder)
{
	const struct node *node = builder->node;
	const struct graph *graph = builder->graph;
	const struct plan_operator *entry = &PLAN_OPERATORS[node->op];
	const uint32_t first = node->n_inputs ? builder->root[node->inputs[0]] : GRAPH_NONE;

	if (!entry->build || first == GRAPH_NONE)
		return false;
	if (graph->tensors[first].data && !entry->takes_constant)
		return false;
	for (uint32_t i = 0; i < node->n_inputs && !entry->takes_any_dtype; i++) {
		if (node->inputs[i] != GRAPH_NONE &&
			graph->tensors[node->inputs[i]].dtype != DTYPE_F32)
			return false;
	}
	return true;
}

static bool is_chain(const struct builder *builder)
{
	return builder_has_vectors(builder) && chain_takes(builder->graph, builder->node) &&
		builder_output(builder, 0)->dtype == DTYPE_F32;
}

int build_step(struct builder *builder)
{
	const uint32_t n = (uint32_t)(builder->node - builder->graph->nodes);
	int rc = -ENOTSUP;

	if (builder->groups->first[n] != n)
		return build_chain(builder);
	if (is_fast(builder))
		rc = PLAN_OPERATORS[builder->node->op].build(builder);
	if (rc == -ENOTSUP && is_chain(builder))
		return build_chain(builder);
	return rc == -ENOTSUP ? build_plain(builder) : rc;
}

bool build_takes_channels_last(
	const struct builder *builder, const struct node *node, uint32_t pools)
{
	const struct plan_operator *entry = &PLAN_OPERATORS[node->op];

	return entry->takes_channels_last && entry->takes_channels_last(builder, node, pools);
}
