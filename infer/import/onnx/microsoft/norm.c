// SPDX-License-Identifier: BSD-3-Clause
// com.microsoft's layer normalisations of sums, as transformers have them. Formulas: ONNX Runtime's
// docs/ContribOperators.md; epsilon is 1e-12 where they leave it out.
#include "infer/import/onnx/as.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#define SKIP_EPSILON 1e-12f

static int skip_refuse_training(struct onnx *onnx, const struct onnx_node *node)
{
	for (size_t o = 1; o < 3 && o < node->proto->n_output; o++) {
		if (*node->proto->output[o])
			return onnx_refuse(onnx, node, -ENOTSUP,
				"output %zu is for training; only outputs 0 and 3 are supported",
				o);
	}
	return 0;
}

// A LayerNormalization over the last axis, by a scale and perhaps a bias.
static uint32_t skip_layer_norm(
	struct onnx *onnx, const struct onnx_node *node, uint32_t x, uint32_t scale, uint32_t bias)
{
	const uint32_t inputs[3] = { x, scale, bias };
	float epsilon;

	if (onnx_float(onnx, node, "epsilon", SKIP_EPSILON, &epsilon))
		return GRAPH_NONE;
	const struct attr attrs[] = { ONNX_FLOAT(ATTR_EPSILON, epsilon), ONNX_INT(ATTR_AXIS, -1) };

	if (onnx->graph->tensors[scale].data &&
		(bias == GRAPH_NONE || onnx->graph->tensors[bias].data))
		return onnx_emit(
			onnx, node, OP_LAYER_NORM, bias == GRAPH_NONE ? 2 : 3, inputs, 2, attrs);
	onnx_refuse(onnx, node, -ENOTSUP, "gamma and beta must be constant");
	return GRAPH_NONE;
}

// x / sqrt(mean(x^2) + epsilon) * scale, over the last axis.
static uint32_t skip_rms_norm(
	struct onnx *onnx, const struct onnx_node *node, uint32_t x, uint32_t scale)
{
	const int64_t last = (int64_t)onnx->graph->tensors[x].rank - 1;
	const struct attr attrs[] = { ONNX_INTS(ATTR_AXES, 1, &last), ONNX_INT(ATTR_KEEPDIMS, 1) };
	uint32_t made;
	float epsilon;

	if (onnx_float(onnx, node, "epsilon", SKIP_EPSILON, &epsilon))
		return GRAPH_NONE;
	made = onnx_emit_pair(onnx, node, OP_MUL, x, x);
	made = onnx_emit(onnx, node, OP_REDUCE_MEAN, 1, &made, 2, attrs);
	made = onnx_emit_with(onnx, node, OP_ADD, made, epsilon);
	made = onnx_emit_one(onnx, node, OP_SQRT, made);
	made = onnx_emit_pair(onnx, node, OP_DIV, x, made);
	return onnx_emit_pair(onnx, node, OP_MUL, made, scale);
}

// input + skip [+ bias], normalised; output 3 is the sum. Inputs of SkipLayerNormalization: gamma,
// beta, bias from 2 on; of the simplified one: gamma, bias.
static int skip_import(struct onnx *onnx, const struct onnx_node *node, bool simplified)
{
	const uint32_t at_bias = simplified ? 3 : 4;
	uint32_t sum, made;
	int rc;

	if (skip_refuse_training(onnx, node) || onnx_as_floats(onnx, node))
		return onnx_refused(onnx);
	sum = onnx_emit_pair(onnx, node, OP_ADD, node->inputs[0], node->inputs[1]);
	if (onnx_is_given(node, at_bias))
		sum = onnx_emit_pair(onnx, node, OP_ADD, sum, node->inputs[at_bias]);
	if (sum == GRAPH_NONE)
		return onnx_refused(onnx);
	made = simplified ? skip_rms_norm(onnx, node, sum, node->inputs[2])
			  : skip_layer_norm(onnx, node, sum, node->inputs[2],
				    onnx_is_given(node, 3) ? node->inputs[3] : GRAPH_NONE);
	rc = onnx_output(onnx, node, 0, made);
	return rc == 0 ? onnx_output(onnx, node, 3, sum) : rc;
}

static int import_skip_layer_norm(struct onnx *onnx, const struct onnx_node *node)
{
	return skip_import(onnx, node, false);
}

static int import_skip_simplified(struct onnx *onnx, const struct onnx_node *node)
{
	return skip_import(onnx, node, true);
}

// Rows of a table, by whole numbers.
static uint32_t embed_rows(
	struct onnx *onnx, const struct onnx_node *node, uint32_t table, uint32_t ids)
{
	const struct attr attr = ONNX_INT(ATTR_AXIS, 0);
	const uint32_t inputs[2] = { table, onnx_as(onnx, node, ids, DTYPE_I64) };

	if (inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	return onnx_emit(onnx, node, OP_GATHER, 2, inputs, 1, &attr);
}

// The positions, 0 to the sequence's length, where no ids of them are given.
static uint32_t embed_positions(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor ids = *onnx_input(onnx, node, 0);
	uint32_t positions;
	void *data;

	if (onnx_is_given(node, 8))
		return embed_rows(onnx, node, node->inputs[3], node->inputs[8]);
	positions = onnx_made(onnx, node, DTYPE_I64, 1, &ids.dims[1], &data);
	for (int64_t i = 0; positions != GRAPH_NONE && i < ids.dims[1]; i++)
		((int64_t *)data)[i] = i;
	return positions == GRAPH_NONE ? GRAPH_NONE
				       : embed_rows(onnx, node, node->inputs[3], positions);
}

// Output 1: how many of the mask's values are there; without a mask, 0.
static uint32_t embed_mask_index(struct onnx *onnx, const struct onnx_node *node)
{
	const int64_t one = 1;
	const struct attr attrs[] = { ONNX_INTS(ATTR_AXES, 1, &one), ONNX_INT(ATTR_KEEPDIMS, 0) };
	uint32_t mask;
	void *data;

	if (!onnx_is_given(node, 7))
		return onnx_made(onnx, node, DTYPE_I32, 1, &one, &data);
	mask = onnx_as(onnx, node, node->inputs[7], DTYPE_I32);
	return mask == GRAPH_NONE ? GRAPH_NONE
				  : onnx_emit(onnx, node, OP_REDUCE_SUM, 1, &mask, 2, attrs);
}

// LayerNormalization(words[ids] + positions[0, 1, ...] + segments[segment ids]); output 2 is the sum.
static int import_embed_layer_norm(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t sum;
	int rc;

	if (onnx_input(onnx, node, 0)->rank != 2)
		return onnx_refuse(onnx, node, -EINVAL, "input 0 should have 2 dimensions");
	for (uint32_t i = 2; i <= 6; i++) {
		if (i != 4 && !onnx_is_given(node, i))
			return onnx_refuse(onnx, node, -EINVAL, "input %u is missing", i);
	}
	sum = onnx_emit_pair(onnx, node, OP_ADD,
		embed_rows(onnx, node, node->inputs[2], node->inputs[0]),
		embed_positions(onnx, node));
	if (sum != GRAPH_NONE && onnx_is_given(node, 1) && onnx_is_given(node, 4))
		sum = onnx_emit_pair(onnx, node, OP_ADD, sum,
			embed_rows(onnx, node, node->inputs[4], node->inputs[1]));
	if (sum == GRAPH_NONE)
		return onnx_refused(onnx);
	rc = onnx_output(
		onnx, node, 0, skip_layer_norm(onnx, node, sum, node->inputs[5], node->inputs[6]));
	if (rc == 0 && node->proto->n_output > 1 && *node->proto->output[1])
		rc = onnx_output(onnx, node, 1, embed_mask_index(onnx, node));
	return rc == 0 ? onnx_output(onnx, node, 2, sum) : rc;
}

const struct onnx_operator ONNX_MICROSOFT_NORM[] = {
	{ "SkipLayerNormalization", 3, 5, .import = import_skip_layer_norm },
	{ "SkipSimplifiedLayerNormalization", 3, 4, .import = import_skip_simplified },
	{ "EmbedLayerNormalization", 1, 9, .import = import_embed_layer_norm },
	{ .type = NULL },
};
