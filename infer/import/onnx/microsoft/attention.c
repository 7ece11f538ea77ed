// SPDX-License-Identifier: BSD-3-Clause
// com.microsoft's attention, without a past: as ONNX Runtime's CPU kernels mask it.
#include "infer/import/onnx/attention.h"
#include "infer/import/onnx/as.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/microsoft/quantise.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <math.h>

static uint32_t given(const struct onnx_node *node, uint32_t i)
{
	return onnx_is_given(node, i) ? node->inputs[i] : GRAPH_NONE;
}

static int refuse_given(struct onnx *onnx, const struct onnx_node *node, uint32_t from)
{
	for (uint32_t i = from; i < node->n_inputs; i++) {
		if (node->inputs[i] != GRAPH_NONE)
			return onnx_refuse(onnx, node, -ENOTSUP,
				"input %u is of a past or its length, which is not supported", i);
	}
	return 0;
}

// 0 where `seen` is true, else `filter`.
static uint32_t mask_of(
	struct onnx *onnx, const struct onnx_node *node, uint32_t seen, float filter)
{
	return onnx_emit_where(
		onnx, node, seen, onnx_scalar(onnx, node, 0), onnx_scalar(onnx, node, filter));
}

static uint32_t compare(
	struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t a, uint32_t b)
{
	return onnx_emit_pair(onnx, node, op, a, onnx_as(onnx, node, b, DTYPE_I32));
}

// The end of what may be seen, or its end and its start, of the one sequence that a row is.
static uint32_t mask_of_ends(struct onnx *onnx, const struct onnx_node *node, uint32_t mask,
	int64_t columns, float filter)
{
	const int64_t ends = onnx->graph->tensors[mask].dims[0], one = 1;
	uint32_t positions, seen;
	void *data;

	positions = onnx_made(onnx, node, DTYPE_I32, 1, &columns, &data);
	for (int64_t i = 0; positions != GRAPH_NONE && i < columns; i++)
		((int32_t *)data)[i] = (int32_t)i;
	seen = compare(onnx, node, OP_LESS, positions,
		onnx_emit_reshape(
			onnx, node, onnx_emit_part(onnx, node, mask, 0, 0, 1, 1), 1, &one));
	if (ends == 2)
		seen = onnx_emit_pair(onnx, node, OP_AND, seen,
			compare(onnx, node, OP_GREATER_OR_EQUAL, positions,
				onnx_emit_part(onnx, node, mask, 0, 1, 1, 1)));
	return mask_of(onnx, node, seen, filter);
}

// A mask of 1 for what may be seen: [N, keys], [N, queries, keys]; or as above, [1] or [2].
static uint32_t read_mask(struct onnx *onnx, const struct onnx_node *node, uint32_t mask,
	int64_t columns, float filter)
{
	const struct tensor t = onnx->graph->tensors[mask];
	int64_t dims[4] = { 1, 1, 1, columns };

	if (t.rank == 1 && (t.dims[0] == 1 || t.dims[0] == 2))
		return mask_of_ends(onnx, node, mask, columns, filter);
	if ((t.rank != 2 && t.rank != 3) || t.dims[t.rank - 1] != columns) {
		onnx_refuse(onnx, node, -ENOTSUP,
			"the mask %s should be [N, keys] or [N, queries, keys], of %lld keys",
			tensor_shape_text(&t).text, (long long)columns);
		return GRAPH_NONE;
	}
	dims[0] = t.dims[0];
	dims[2] = t.rank == 3 ? t.dims[1] : 1;
	mask = onnx_emit_reshape(onnx, node, mask, 4, dims);
	return mask_of(onnx, node,
		onnx_emit_with(onnx, node, OP_GREATER, onnx_as(onnx, node, mask, DTYPE_F32), 0),
		filter);
}

// Adds one more to what the products are biased by, if anything: 0, or what refused it.
static int add_bias(
	struct onnx *onnx, const struct onnx_node *node, struct onnx_attention *a, uint32_t added)
{
	if (added == GRAPH_NONE)
		return onnx_refused(onnx);
	a->bias =
		a->bias == GRAPH_NONE ? added : onnx_emit_pair(onnx, node, OP_ADD, a->bias, added);
	return a->bias == GRAPH_NONE ? onnx_refused(onnx) : 0;
}

// Scale, mask and what is added to the products, then the attention, in one row of heads.
static uint32_t attend(struct onnx *onnx, const struct onnx_node *node, struct onnx_attention *a,
	uint32_t mask, uint32_t added)
{
	static const int64_t CAUSAL[2] = { -1, 0 };
	int64_t unidirectional, rows, columns;
	float filter;

	if (a->q == GRAPH_NONE || a->k == GRAPH_NONE || a->v == GRAPH_NONE ||
		onnx_int(onnx, node, "unidirectional", 0, &unidirectional) ||
		onnx_float(onnx, node, "mask_filter_value", -10000, &filter) ||
		onnx_float(onnx, node, "scale", 0, &a->scale))
		return GRAPH_NONE;
	rows = onnx->graph->tensors[a->q].dims[2];
	columns = onnx->graph->tensors[a->k].dims[2];
	if (a->scale == 0)
		a->scale = 1 / sqrtf((float)onnx->graph->tensors[a->q].dims[3]);
	a->bias = GRAPH_NONE;
	if (mask != GRAPH_NONE &&
		add_bias(onnx, node, a, read_mask(onnx, node, mask, columns, filter)))
		return GRAPH_NONE;
	if (added != GRAPH_NONE && add_bias(onnx, node, a, added))
		return GRAPH_NONE;
	if (unidirectional &&
		add_bias(
			onnx, node, a, onnx_attention_window(onnx, node, rows, columns, 0, CAUSAL)))
		return GRAPH_NONE;
	return onnx_attention_join(onnx, node, onnx_attention(onnx, node, a));
}

// Queries, keys and values that lie one after the other in the last axis, in heads.
static int split_projected(
	struct onnx *onnx, const struct onnx_node *node, uint32_t all, struct onnx_attention *a)
{
	uint32_t *const parts[3] = { &a->q, &a->k, &a->v };
	const Onnx__AttributeProto *sizes;
	int64_t heads, width, at = 0;

	if (onnx_int(onnx, node, "num_heads", 0, &heads) ||
		onnx_attr(onnx, node, "qkv_hidden_sizes", ONNX_ATTRIBUTE(INTS), &sizes))
		return onnx_refused(onnx);
	if (all == GRAPH_NONE)
		return onnx_refused(onnx);
	if (onnx->graph->tensors[all].rank != 3)
		return onnx_refuse(onnx, node, -EINVAL, "input 0 should have 3 dimensions");
	width = onnx->graph->tensors[all].dims[2];
	for (uint32_t i = 0; i < 3; i++) {
		const int64_t each = sizes && sizes->n_ints == 3 ? sizes->ints[i] : width / 3;

		if (each < 1 || each > width - at || (i == 2 && each != width - at))
			return onnx_refuse(onnx, node, -EINVAL,
				"the weights' %lld columns are not those of queries, keys and "
				"values",
				(long long)width);
		*parts[i] = onnx_attention_split(
			onnx, node, onnx_emit_part(onnx, node, all, 2, at, each, 1), heads);
		if (*parts[i] == GRAPH_NONE)
			return onnx_refused(onnx);
		at += each;
	}
	return 0;
}

// Keys and values as one: [2, N, heads, length, size].
static int output_present(
	struct onnx *onnx, const struct onnx_node *node, const struct onnx_attention *a)
{
	int64_t dims[5] = { 1 };
	uint32_t both[2] = { a->k, a->v };

	if (node->proto->n_output < 2 || !*node->proto->output[1])
		return 0;
	for (uint32_t i = 0; i < 2; i++) {
		for (uint32_t d = 0; d < 4; d++)
			dims[d + 1] = onnx->graph->tensors[both[i]].dims[d];
		both[i] = onnx_emit_reshape(onnx, node, both[i], 5, dims);
	}
	return onnx_output(onnx, node, 1,
		both[0] == GRAPH_NONE ? GRAPH_NONE
				      : onnx_emit_concat(onnx, node, both[0], both[1], 0));
}

static int import_projected(struct onnx *onnx, const struct onnx_node *node, uint32_t all,
	uint32_t mask, uint32_t added)
{
	struct onnx_attention a = { 0 };
	int64_t rotary;
	int rc;

	if (onnx_int(onnx, node, "do_rotary", 0, &rotary))
		return onnx_refused(onnx);
	if (rotary)
		return onnx_refuse(onnx, node, -ENOTSUP, "do_rotary is not supported");
	rc = split_projected(onnx, node, all, &a);
	if (rc == 0)
		rc = onnx_output(onnx, node, 0, attend(onnx, node, &a, mask, added));
	return rc == 0 ? output_present(onnx, node, &a) : rc;
}

// input, weights, bias, mask, past, what is added to the products, the past's length.
static int import_attention(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t all;

	if (onnx_is_given(node, 4))
		return onnx_refuse(onnx, node, -ENOTSUP, "a past is not supported");
	if (refuse_given(onnx, node, 6) || onnx_as_floats(onnx, node))
		return onnx_refused(onnx);
	all = onnx_emit_pair(onnx, node, OP_MATMUL, node->inputs[0], node->inputs[1]);
	if (onnx_is_given(node, 2))
		all = onnx_emit_pair(onnx, node, OP_ADD, all, node->inputs[2]);
	return import_projected(onnx, node, all, given(node, 3), given(node, 5));
}

// input, weights, bias, the two's scales, mask, the two's zero points, past.
static int import_qattention(struct onnx *onnx, const struct onnx_node *node)
{
	const uint32_t factors[4] = { node->inputs[0], node->inputs[1], given(node, 6),
		given(node, 7) };
	const uint32_t scales[2] = { node->inputs[3], node->inputs[4] };

	if (refuse_given(onnx, node, 8))
		return onnx_refused(onnx);
	return import_projected(onnx, node,
		onnx_quantised_product(onnx, node, factors, scales, node->inputs[2]),
		given(node, 5), GRAPH_NONE);
}

// Part `i` of the node's bias, added to input `i`, in heads. Keys and values may come in heads.
static uint32_t multi_head(
	struct onnx *onnx, const struct onnx_node *node, uint32_t i, int64_t heads, int64_t *at)
{
	uint32_t x = node->inputs[i];
	const struct tensor t = onnx->graph->tensors[x];

	if (i > 0 && t.rank == 4)
		return x;
	if (t.rank != 3) {
		onnx_refuse(onnx, node, -ENOTSUP,
			"input %u %s is packed; [N, length, heads * size] is supported", i,
			tensor_shape_text(&t).text);
		return GRAPH_NONE;
	}
	if (onnx_is_given(node, 3)) {
		const struct tensor *bias = onnx_input(onnx, node, 3);

		if (bias->rank != 1 || t.dims[2] > bias->dims[0] - *at) {
			onnx_refuse(onnx, node, -EINVAL,
				"the bias %s does not fit queries, keys and values",
				tensor_shape_text(bias).text);
			return GRAPH_NONE;
		}
		x = onnx_emit_pair(onnx, node, OP_ADD, x,
			onnx_emit_part(onnx, node, node->inputs[3], 0, *at, t.dims[2], 1));
		*at += t.dims[2];
	}
	return onnx_attention_split(onnx, node, x, heads);
}

// query, key, value, bias, mask of keys, what is added to the products, then the past.
static int import_multi_head_attention(struct onnx *onnx, const struct onnx_node *node)
{
	struct onnx_attention a = { 0 };
	int64_t heads, at = 0;
	int rc;

	if (refuse_given(onnx, node, 6) || onnx_as_floats(onnx, node) ||
		onnx_int(onnx, node, "num_heads", 0, &heads))
		return onnx_refused(onnx);
	a.q = multi_head(onnx, node, 0, heads, &at);
	a.k = a.q == GRAPH_NONE ? a.q : multi_head(onnx, node, 1, heads, &at);
	a.v = a.k == GRAPH_NONE ? a.k : multi_head(onnx, node, 2, heads, &at);
	if (a.v == GRAPH_NONE)
		return onnx_refused(onnx);
	rc = onnx_output(onnx, node, 0, attend(onnx, node, &a, given(node, 4), given(node, 5)));
	for (uint32_t o = 1; o < 3 && o < node->proto->n_output && rc == 0; o++) {
		if (*node->proto->output[o])
			rc = onnx_output(onnx, node, o,
				onnx_emit_one(onnx, node, OP_IDENTITY, o == 1 ? a.k : a.v));
	}
	return rc;
}

// input, position ids, cosines, sines. One position is the first, others follow.
static int import_rotary_embedding(struct onnx *onnx, const struct onnx_node *node)
{
	const uint32_t caches[2] = { node->inputs[2], node->inputs[3] };
	const struct tensor x = *onnx_input(onnx, node, 0);
	uint32_t positions = node->inputs[1], first;
	int64_t packed, dims[2] = { 1, x.rank == 4 ? x.dims[2] : x.rank == 3 ? x.dims[1] : 1 };
	float scale;
	void *data;

	if (onnx_int(onnx, node, "is_packed_batching", 0, &packed) ||
		onnx_float(onnx, node, "scale", 1, &scale))
		return onnx_refused(onnx);
	if (packed || scale != 1)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"only is_packed_batching 0 and scale 1 are supported");
	if (onnx->graph->tensors[positions].rank == 1 &&
		onnx->graph->tensors[positions].dims[0] == 1) {
		first = onnx_as(onnx, node, positions, DTYPE_I64);
		positions = onnx_made(onnx, node, DTYPE_I64, 2, dims, &data);
		for (int64_t i = 0; positions != GRAPH_NONE && i < dims[1]; i++)
			((int64_t *)data)[i] = i;
		positions = onnx_emit_pair(onnx, node, OP_ADD, positions, first);
		if (positions == GRAPH_NONE)
			return onnx_refused(onnx);
	}
	return onnx_import_rotary(onnx, node, caches, positions);
}

const struct onnx_operator ONNX_MICROSOFT_ATTENTION[] = {
	{ "Attention", 2, 7, .import = import_attention },
	{ "QAttention", 5, 9, .import = import_qattention },
	{ "MultiHeadAttention", 3, 10, .import = import_multi_head_attention },
	{ "RotaryEmbedding", 4, 4, .import = import_rotary_embedding },
	{ .type = NULL },
};
