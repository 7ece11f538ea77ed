// SPDX-License-Identifier: BSD-3-Clause
// MatMul, and Gemm, whose C may be computed too.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/tensor.h"

// alpha * A * B + beta * C with a C that is computed: the product first, then the sum.
static uint32_t add_computed(
	struct onnx *onnx, const struct onnx_node *node, uint32_t product, float beta)
{
	uint32_t scaled =
		onnx_emit_pair(onnx, node, OP_MUL, node->inputs[2], onnx_scalar(onnx, node, beta));

	return onnx_emit_pair(onnx, node, OP_ADD, product, scaled);
}

// The attribute "broadcast" of opset 6 allows what later opsets always do.
static int import_gemm(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t n_inputs = node->n_inputs, product;
	int64_t trans_a, trans_b;
	float alpha, beta;

	if (onnx_float(onnx, node, "alpha", 1, &alpha) ||
		onnx_float(onnx, node, "beta", 1, &beta) ||
		onnx_int(onnx, node, "transA", 0, &trans_a) ||
		onnx_int(onnx, node, "transB", 0, &trans_b))
		return onnx_refused(onnx);
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
		return onnx_refused(onnx);
	product = onnx_emit(onnx, node, OP_GEMM, 2, node->inputs, 4, attrs);
	return onnx_output_as_wide(onnx, node, product, 2, add_computed(onnx, node, product, beta));
}

static int import_matmul(struct onnx *onnx, const struct onnx_node *node)
{
	return onnx_import_as(onnx, node, OP_MATMUL, 2, 0, NULL);
}

const struct onnx_operator ONNX_PRODUCT[] = {
	{ "Gemm", 2, 3, .import = import_gemm },
	{ "MatMul", 2, 2, .import = import_matmul },
	{ .type = NULL },
};
