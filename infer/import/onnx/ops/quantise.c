// SPDX-License-Identifier: BSD-3-Clause
// Quantised operators. Their inputs keep the dtypes the file gives them.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

static int refuse_blocks(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t block;

	if (onnx_int(onnx, node, "block_size", 0, &block))
		return onnx_refused(onnx);
	if (block != 0)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"block_size is %lld; only one scale or one for each channel is supported",
			(long long)block);
	return 0;
}

static int import_quantised(
	struct onnx *onnx, const struct onnx_node *node, uint32_t n, const struct attr *attrs)
{
	return onnx_output(onnx, node, 0,
		onnx_emit(onnx, node, node->op, onnx_inputs_given(node), node->inputs, n, attrs));
}

static int import_quantize_linear(struct onnx *onnx, const struct onnx_node *node)
{
	enum dtype dtype = DTYPE_U8;
	int64_t axis, type;

	if (onnx_int(onnx, node, "axis", 1, &axis) ||
		onnx_int(onnx, node, "output_dtype", 0, &type))
		return onnx_refused(onnx);
	if (refuse_blocks(onnx, node))
		return onnx_refused(onnx);
	if (type != 0 && !onnx_dtype(type, &dtype))
		return onnx_refuse(onnx, node, -ENOTSUP,
			"output_dtype is %s, which is not supported", onnx_type_name(type));
	if (type == 0 && onnx_is_given(node, 2))
		dtype = onnx_input(onnx, node, 2)->dtype;
	const struct attr attrs[] = { ONNX_INT(ATTR_TO, dtype), ONNX_INT(ATTR_AXIS, axis) };
	return import_quantised(onnx, node, 2, attrs);
}

static int import_dequantize_linear(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t axis;

	if (onnx_int(onnx, node, "axis", 1, &axis))
		return onnx_refused(onnx);
	if (refuse_blocks(onnx, node))
		return onnx_refused(onnx);
	const struct attr attr = ONNX_INT(ATTR_AXIS, axis);
	return import_quantised(onnx, node, 1, &attr);
}

static int import_quantised_product(struct onnx *onnx, const struct onnx_node *node)
{
	return import_quantised(onnx, node, 0, NULL);
}

static int import_dynamic_quantize_linear(struct onnx *onnx, const struct onnx_node *node)
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

const struct onnx_operator ONNX_QUANTISE[] = {
	{ "QuantizeLinear", 2, 3, import_quantize_linear, OP_QUANTIZE_LINEAR },
	{ "DequantizeLinear", 2, 3, import_dequantize_linear, OP_DEQUANTIZE_LINEAR },
	{ "DynamicQuantizeLinear", 1, 1, .import = import_dynamic_quantize_linear },
	{ "QLinearMatMul", 8, 8, import_quantised_product, OP_QLINEAR_MATMUL },
	{ "MatMulInteger", 2, 4, import_quantised_product, OP_MATMUL_INTEGER },
	{ .type = NULL },
};
