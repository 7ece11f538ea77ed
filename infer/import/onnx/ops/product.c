// SPDX-License-Identifier: BSD-3-Clause
// Gemm and PRelu, whose parameters may be computed too.
#include "infer/import/onnx/onnx.h"

// Input `spread` must broadcast to `to`, not `to` to it: `made` of both is no wider.
static int output_as_wide(struct onnx *onnx, const struct onnx_node *node, uint32_t to,
	uint32_t spread, uint32_t made)
{
	const struct tensor *tensors = onnx->graph->tensors;

	if (made == GRAPH_NONE)
		return -EINVAL; // the sentence is made already
	if (tensors[made].rank != tensors[to].rank ||
		tensor_elements(&tensors[made]) != tensor_elements(&tensors[to]))
		return onnx_refuse(onnx, node, -EINVAL,
			"input %u is %s, which does not broadcast to %s", spread,
			tensor_shape_text(onnx_input(onnx, node, spread)).text,
			tensor_shape_text(&tensors[to]).text);
	return onnx_output(onnx, node, 0, made);
}

// alpha * A * B + beta * C with a C that is computed: the product first, then the sum.
static uint32_t add_computed(
	struct onnx *onnx, const struct onnx_node *node, uint32_t product, float beta)
{
	uint32_t scaled =
		onnx_emit_pair(onnx, node, OP_MUL, node->inputs[2], onnx_scalar(onnx, node, beta));

	return onnx_emit_pair(onnx, node, OP_ADD, product, scaled);
}

// The attribute "broadcast" of opset 6 allows what later opsets always do.
int onnx_import_gemm(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t n_inputs = node->n_inputs, product;
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
		ONNX_FLOAT(ATTR_ALPHA, alpha),
		ONNX_FLOAT(ATTR_BETA, beta),
		ONNX_INT(ATTR_TRANS_A, trans_a != 0),
		ONNX_INT(ATTR_TRANS_B, trans_b != 0),
	};
	if (n_inputs < 3 || onnx_input(onnx, node, 2)->data)
		return onnx_import_as(onnx, node, OP_GEMM, n_inputs, 4, attrs);
	if (onnx_as_floats(onnx, node))
		return -ENOMEM;
	product = onnx_emit(onnx, node, OP_GEMM, 2, node->inputs, 4, attrs);
	return output_as_wide(onnx, node, product, 2, add_computed(onnx, node, product, beta));
}

// A slope that is computed: Relu(x) - slope * Relu(-x).
static int import_computed_prelu(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t x = node->inputs[0];
	uint32_t above = onnx_emit(onnx, node, OP_RELU, 1, &x, 0, NULL);
	uint32_t below = onnx_emit_pair(onnx, node, OP_MUL, x, onnx_scalar(onnx, node, -1));

	if (below != GRAPH_NONE)
		below = onnx_emit(onnx, node, OP_RELU, 1, &below, 0, NULL);
	below = onnx_emit_pair(onnx, node, OP_MUL, below, node->inputs[1]);
	return output_as_wide(onnx, node, x, 1, onnx_emit_pair(onnx, node, OP_SUB, above, below));
}

int onnx_import_prelu(struct onnx *onnx, const struct onnx_node *node)
{
	int rc = onnx_old_slope(onnx, node);

	if (rc == 0 && onnx_as_floats(onnx, node))
		rc = -ENOMEM;
	if (rc != 0)
		return rc;
	if (!onnx_input(onnx, node, 1)->data)
		return import_computed_prelu(onnx, node);
	return onnx_import_as(onnx, node, OP_PRELU, 2, 0, NULL);
}
