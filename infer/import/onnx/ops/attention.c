// SPDX-License-Identifier: BSD-3-Clause
// Attention and RotaryEmbedding, of ONNX's Operators.md.
#include "infer/import/onnx/attention.h"
#include "infer/import/onnx/as.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <math.h>

enum { ATTENTION_MASK = 3, ATTENTION_PAST_KEY, ATTENTION_PAST_VALUE, ATTENTION_PAD_LENGTHS };

// Queries, keys and values in heads; keys and values behind those of the past.
static int read_heads(
	struct onnx *onnx, const struct onnx_node *node, struct onnx_attention *a, int64_t *past)
{
	uint32_t *const parts[3] = { &a->q, &a->k, &a->v };
	int64_t heads[2];

	if (onnx_int(onnx, node, "q_num_heads", 0, &heads[0]) ||
		onnx_int(onnx, node, "kv_num_heads", 0, &heads[1]))
		return onnx_refused(onnx);
	*past = 0;
	for (uint32_t i = 0; i < 3; i++) {
		*parts[i] = node->inputs[i];
		if (onnx_input(onnx, node, i)->rank == 3)
			*parts[i] = onnx_attention_split(onnx, node, node->inputs[i], heads[i > 0]);
		if (*parts[i] == GRAPH_NONE)
			return onnx_refused(onnx);
		if (i == 0 || !onnx_is_given(node, ATTENTION_MASK + i))
			continue;
		if (onnx_input(onnx, node, ATTENTION_MASK + i)->rank != 4)
			return onnx_refuse(onnx, node, -EINVAL, "input %u should have 4 dimensions",
				ATTENTION_MASK + i);
		if (i == 1)
			*past = onnx_input(onnx, node, ATTENTION_MASK + i)->dims[2];
		*parts[i] = onnx_emit_concat(
			onnx, node, node->inputs[ATTENTION_MASK + i], *parts[i], 2);
		if (*parts[i] == GRAPH_NONE)
			return onnx_refused(onnx);
	}
	return 0;
}

// The mask, which of bools says what may be seen, and the window that the attributes say.
static int read_bias(
	struct onnx *onnx, const struct onnx_node *node, struct onnx_attention *a, int64_t past)
{
	int64_t causal, reach[2];
	uint32_t window;

	a->bias = GRAPH_NONE;
	a->may_hide = true;
	if (onnx_int(onnx, node, "is_causal", 0, &causal) ||
		onnx_int(onnx, node, "left_window_size", -1, &reach[0]) ||
		onnx_int(onnx, node, "right_window_size", -1, &reach[1]))
		return onnx_refused(onnx);
	if (causal)
		reach[1] = 0;
	if (onnx_is_given(node, ATTENTION_MASK)) {
		a->bias = node->inputs[ATTENTION_MASK];
		if (onnx->graph->tensors[a->bias].dtype == DTYPE_BOOL)
			a->bias = onnx_emit_where(onnx, node, a->bias, onnx_scalar(onnx, node, 0),
				onnx_scalar(onnx, node, -INFINITY));
		if (a->bias == GRAPH_NONE)
			return onnx_refused(onnx);
		if (onnx->graph->tensors[a->bias].dtype != DTYPE_F32)
			return onnx_refuse(onnx, node, -ENOTSUP,
				"the mask is of whole numbers; bools and floats are supported");
	}
	if (reach[0] < 0 && reach[1] < 0)
		return 0;
	window = onnx_attention_window(onnx, node, onnx->graph->tensors[a->q].dims[2],
		onnx->graph->tensors[a->k].dims[2], past, reach);
	a->bias = a->bias == GRAPH_NONE ? window
					: onnx_emit_pair(onnx, node, OP_ADD, a->bias, window);
	return a->bias == GRAPH_NONE ? onnx_refused(onnx) : 0;
}

static int import_attention(struct onnx *onnx, const struct onnx_node *node)
{
	struct onnx_attention a = { 0 };
	int64_t past, mode;
	uint32_t made;
	float scale;
	int rc;

	if (onnx_as_floats(onnx, node) || onnx_float(onnx, node, "softcap", 0, &a.softcap) ||
		onnx_float(onnx, node, "scale", 0, &scale) ||
		onnx_int(onnx, node, "qk_matmul_output_mode", 0, &mode))
		return onnx_refused(onnx);
	if (onnx_is_given(node, ATTENTION_PAD_LENGTHS))
		return onnx_refuse(onnx, node, -ENOTSUP,
			"input %d, lengths without padding, is not supported",
			ATTENTION_PAD_LENGTHS);
	if (mode < 0 || mode >= ATTENTION_STAGES)
		return onnx_refuse(onnx, node, -EINVAL,
			"qk_matmul_output_mode is %lld, should be 0 to %d", (long long)mode,
			ATTENTION_STAGES - 1);
	if (read_heads(onnx, node, &a, &past))
		return onnx_refused(onnx);
	if (onnx->graph->tensors[a.q].rank != 4 || onnx->graph->tensors[a.k].rank != 4)
		return onnx_refuse(
			onnx, node, -EINVAL, "queries and keys should have 3 or 4 dimensions");
	if (read_bias(onnx, node, &a, past))
		return onnx_refused(onnx);
	a.scale = scale != 0 ? scale : 1 / sqrtf((float)onnx->graph->tensors[a.q].dims[3]);
	made = onnx_attention(onnx, node, &a);
	if (made == GRAPH_NONE)
		return onnx_refused(onnx);
	if (onnx_input(onnx, node, 0)->rank == 3)
		made = onnx_attention_join(onnx, node, made);
	const uint32_t outputs[] = { made, a.k, a.v, a.stages[mode] };

	rc = onnx_output(onnx, node, 0, made);
	for (uint32_t o = 1; o < 4 && o < node->proto->n_output && rc == 0; o++) {
		if (*node->proto->output[o]) // what is an input or another output has a name
			rc = onnx_output(
				onnx, node, o, onnx_emit_one(onnx, node, OP_IDENTITY, outputs[o]));
	}
	return rc;
}

static int import_rotary_embedding(struct onnx *onnx, const struct onnx_node *node)
{
	const uint32_t caches[2] = { node->inputs[1], node->inputs[2] };

	return onnx_import_rotary(
		onnx, node, caches, onnx_is_given(node, 3) ? node->inputs[3] : GRAPH_NONE);
}

const struct onnx_operator ONNX_ATTENTION[] = {
	{ "Attention", 3, 7, .import = import_attention },
	{ "RotaryEmbedding", 3, 4, .import = import_rotary_embedding },
	{ .type = NULL },
};
