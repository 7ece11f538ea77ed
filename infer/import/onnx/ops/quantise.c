// SPDX-License-Identifier: BSD-3-Clause
// Quantised operators. Their inputs keep the dtypes the file gives them.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"
#include "infer/import/onnx/values.h"

// Scales or zero points of blocks along an axis, each as often as its block is long: as long as x.
static uint32_t blocks_spread(struct onnx *onnx, const struct onnx_node *node, uint32_t parameter,
	int64_t axis, int64_t block)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	const struct attr attr = ONNX_INT(ATTR_AXIS, axis);
	uint32_t pair[2] = { parameter };
	void *data;

	pair[1] = onnx_made(onnx, node, DTYPE_I64, 1, &x.dims[axis], &data);
	if (parameter == GRAPH_NONE || pair[1] == GRAPH_NONE)
		return GRAPH_NONE;
	for (int64_t i = 0; i < x.dims[axis]; i++)
		((int64_t *)data)[i] = i / block;
	return onnx_emit(onnx, node, OP_GATHER, 2, pair, 1, &attr);
}

// Has input i a value for each block of x along the axis, and for each place across it?
static int blocks_check(
	struct onnx *onnx, const struct onnx_node *node, uint32_t i, int64_t axis, int64_t block)
{
	const struct tensor *x = onnx_input(onnx, node, 0), *in = onnx_input(onnx, node, i);
	bool fits = in->rank == x->rank && block > 0 && block <= GRAPH_ELEMENTS_MAX && axis >= 0 &&
		axis < x->rank;

	for (uint32_t d = 0; fits && d < x->rank; d++)
		fits = in->dims[d] == (d == axis ? (x->dims[d] + block - 1) / block : x->dims[d]);
	return fits ? 0
		    : onnx_refuse(onnx, node, -EINVAL,
			      "input %u is %s for blocks of %lld along axis %lld of %s", i,
			      tensor_shape_text(in).text, (long long)block, (long long)axis,
			      tensor_shape_text(x).text);
}

// (x - zero) * scale, both of blocks.
static int dequantize_blocks(
	struct onnx *onnx, const struct onnx_node *node, int64_t axis, int64_t block)
{
	uint32_t made;

	axis += axis < 0 ? onnx_input(onnx, node, 0)->rank : 0;
	if (blocks_check(onnx, node, 1, axis, block) ||
		(onnx_is_given(node, 2) && blocks_check(onnx, node, 2, axis, block)))
		return onnx_refused(onnx);
	made = onnx_as(onnx, node, node->inputs[0], DTYPE_F32);
	if (onnx_is_given(node, 2))
		made = onnx_emit_pair(onnx, node, OP_SUB, made,
			blocks_spread(onnx, node, onnx_as(onnx, node, node->inputs[2], DTYPE_F32),
				axis, block));
	return onnx_output(onnx, node, 0,
		onnx_emit_pair(onnx, node, OP_MUL, made,
			blocks_spread(onnx, node, node->inputs[1], axis, block)));
}

// x / scale + zero, rounded before zero comes to it, both of blocks; one scale of 1 saturates.
static int quantize_blocks(struct onnx *onnx, const struct onnx_node *node, int64_t axis,
	int64_t block, enum dtype dtype)
{
	const struct attr attr = ONNX_INT(ATTR_TO, dtype);
	uint32_t pair[2];

	axis += axis < 0 ? onnx_input(onnx, node, 0)->rank : 0;
	if (blocks_check(onnx, node, 1, axis, block) ||
		(onnx_is_given(node, 2) && blocks_check(onnx, node, 2, axis, block)))
		return onnx_refused(onnx);
	pair[0] = onnx_emit_pair(onnx, node, OP_DIV, node->inputs[0],
		blocks_spread(onnx, node, node->inputs[1], axis, block));
	if (onnx_is_given(node, 2))
		pair[0] = onnx_emit_pair(onnx, node, OP_ADD,
			onnx_emit_one(onnx, node, OP_ROUND, pair[0]),
			blocks_spread(onnx, node, onnx_as(onnx, node, node->inputs[2], DTYPE_F32),
				axis, block));
	pair[1] = onnx_scalar(onnx, node, 1);
	if (pair[1] == GRAPH_NONE)
		return onnx_refused(onnx);
	return onnx_output(
		onnx, node, 0, onnx_emit(onnx, node, OP_QUANTIZE_LINEAR, 2, pair, 1, &attr));
}

static int import_quantised(
	struct onnx *onnx, const struct onnx_node *node, uint32_t n, const struct attr *attrs)
{
	return onnx_output(onnx, node, 0,
		onnx_emit(onnx, node, node->op, onnx_inputs_given(node), node->inputs, n, attrs));
}

// Has a zero point 4 bits? Of an initialiser it is known.
static bool may_be_nibbles(struct onnx *onnx, const char *name)
{
	const struct onnx_value *value = onnx_value(onnx, name);

	return !value || value->is_nibbles || (onnx->has_nibbles && value->producer != GRAPH_NONE);
}

static int import_quantize_linear(struct onnx *onnx, const struct onnx_node *node)
{
	enum dtype dtype = DTYPE_U8;
	int64_t axis, type, block;

	if (onnx_int(onnx, node, "axis", 1, &axis) ||
		onnx_int(onnx, node, "output_dtype", 0, &type) ||
		onnx_int(onnx, node, "block_size", 0, &block))
		return onnx_refused(onnx);
	// What has a zero point of 4 bits has 4 bits itself, and would be rounded to 8.
	if (type == 0 && onnx_is_given(node, 2) && may_be_nibbles(onnx, node->proto->input[2]))
		return onnx_refuse(onnx, node, -ENOTSUP,
			"input 2 ('%.80s') is of 4 bits, or computed in a model that has such; "
			"only "
			"weights of 4 bits are supported",
			node->proto->input[2]);
	if (type != 0 && !onnx_dtype(type, &dtype))
		return onnx_refuse(onnx, node, -ENOTSUP,
			"output_dtype is %s, which is not supported", onnx_type_name(type));
	if (type == 0 && onnx_is_given(node, 2))
		dtype = onnx_input(onnx, node, 2)->dtype;
	if (block != 0)
		return quantize_blocks(onnx, node, axis, block, dtype);
	const struct attr attrs[] = { ONNX_INT(ATTR_TO, dtype), ONNX_INT(ATTR_AXIS, axis) };
	return import_quantised(onnx, node, 2, attrs);
}

static int import_dequantize_linear(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t axis, block;

	if (onnx_int(onnx, node, "axis", 1, &axis) || onnx_int(onnx, node, "block_size", 0, &block))
		return onnx_refused(onnx);
	if (block != 0)
		return dequantize_blocks(onnx, node, axis, block);
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
