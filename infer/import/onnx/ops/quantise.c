// SPDX-License-Identifier: BSD-3-Clause
// Quantised operators. Their inputs keep the dtypes the file gives them.
#include "infer/import/onnx/onnx.h"

#include <string.h>

static uint32_t inputs_given(const struct onnx_node *node)
{
	uint32_t n = node->n_inputs;

	while (n > 0 && node->inputs[n - 1] == GRAPH_NONE)
		n--;
	return n;
}

static int refuse_blocks(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t block;

	if (onnx_int(onnx, node, "block_size", 0, &block))
		return -EINVAL;
	if (block != 0)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"block_size is %lld; only one scale or one for each channel is supported",
			(long long)block);
	return 0;
}

static int emit(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t n,
	const struct attr *attrs)
{
	return onnx_output(onnx, node, 0,
		onnx_emit(onnx, node, op, inputs_given(node), node->inputs, n, attrs));
}

int onnx_import_quantize_linear(struct onnx *onnx, const struct onnx_node *node)
{
	enum dtype dtype = DTYPE_U8;
	int64_t axis, type;

	if (onnx_int(onnx, node, "axis", 1, &axis) ||
		onnx_int(onnx, node, "output_dtype", 0, &type))
		return -EINVAL;
	if (refuse_blocks(onnx, node))
		return -ENOTSUP;
	if (type != 0 && !onnx_dtype(type, &dtype))
		return onnx_refuse(onnx, node, -ENOTSUP,
			"output_dtype is %s, which is not supported", onnx_type_name(type));
	if (type == 0 && node->n_inputs > 2 && node->inputs[2] != GRAPH_NONE)
		dtype = onnx_input(onnx, node, 2)->dtype;
	const struct attr attrs[] = { ONNX_INT(ATTR_TO, dtype), ONNX_INT(ATTR_AXIS, axis) };
	return emit(onnx, node, OP_QUANTIZE_LINEAR, 2, attrs);
}

int onnx_import_dequantize_linear(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t axis;

	if (onnx_int(onnx, node, "axis", 1, &axis))
		return -EINVAL;
	if (refuse_blocks(onnx, node))
		return -ENOTSUP;
	const struct attr attr = ONNX_INT(ATTR_AXIS, axis);
	return emit(onnx, node, OP_DEQUANTIZE_LINEAR, 1, &attr);
}

int onnx_import_quantised_product(struct onnx *onnx, const struct onnx_node *node)
{
	const bool requantised = strcmp(node->type, "QLinearMatMul") == 0;

	return emit(onnx, node, requantised ? OP_QLINEAR_MATMUL : OP_MATMUL_INTEGER, 0, NULL);
}

int onnx_import_dynamic_quantize_linear(struct onnx *onnx, const struct onnx_node *node)
{
	const struct onnx_emission emission = {
		.op = OP_DYNAMIC_QUANTIZE_LINEAR, .n_inputs = 1, .inputs = node->inputs
	};
	uint32_t outputs[3];
	int rc = onnx_emit_outputs(onnx, node, &emission, 3, outputs);

	for (uint32_t o = 0; o < 3 && rc == 0; o++)
		rc = onnx_output(onnx, node, o, outputs[o]);
	return rc;
}
