// SPDX-License-Identifier: BSD-3-Clause
// Normalisations that are written as other operators, as ONNX's Operators.md defines them.
#include "infer/import/onnx/onnx.h"

#include <float.h>

static uint32_t one(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t x)
{
	return x == GRAPH_NONE ? x : onnx_emit(onnx, node, op, 1, &x, 0, NULL);
}

static uint32_t with(
	struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t x, float value)
{
	return onnx_emit_pair(onnx, node, op, x, onnx_scalar(onnx, node, value));
}

// Over the axes, which stay with 1 value.
static uint32_t reduced(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t x,
	uint32_t count, const int64_t *axes)
{
	const struct attr attrs[] = {
		{ .key = ATTR_AXES, .kind = ATTR_KIND_INTS, .count = count, .ints = axes },
		ONNX_INT(ATTR_KEEPDIMS, 1)
	};

	return x == GRAPH_NONE ? x : onnx_emit(onnx, node, op, 1, &x, 2, attrs);
}

static int read_axis(
	struct onnx *onnx, const struct onnx_node *node, int64_t otherwise, int64_t *axis)
{
	const uint32_t rank = onnx_input(onnx, node, 0)->rank;

	if (onnx_as_floats(onnx, node) || onnx_int(onnx, node, "axis", otherwise, axis))
		return -EINVAL;
	if (*axis < -(int64_t)rank || *axis >= (int64_t)rank)
		return onnx_refuse(onnx, node, -EINVAL, "axis %lld, the input has %u dimensions",
			(long long)*axis, rank);
	*axis += *axis < 0 ? rank : 0;
	return 0;
}

// x / sqrt(mean of x^2 from the axis on + epsilon) * scale
int onnx_import_rms_norm(struct onnx *onnx, const struct onnx_node *node)
{
	const uint32_t rank = onnx_input(onnx, node, 0)->rank, x = node->inputs[0];
	const int64_t elements = tensor_elements(onnx_input(onnx, node, 0));
	int64_t axes[GRAPH_RANK_MAX], axis;
	uint32_t count = 0, made;
	float epsilon;

	if (read_axis(onnx, node, -1, &axis) || onnx_float(onnx, node, "epsilon", 1e-5f, &epsilon))
		return -EINVAL;
	while (axis < rank)
		axes[count++] = axis++;
	made = onnx_emit_pair(onnx, node, OP_MUL, x, x);
	made = reduced(onnx, node, OP_REDUCE_MEAN, made, count, axes);
	made = one(onnx, node, OP_SQRT, with(onnx, node, OP_ADD, made, epsilon));
	made = onnx_emit_pair(onnx, node, OP_DIV, x, made);
	made = onnx_emit_pair(onnx, node, OP_MUL, made, node->inputs[1]);
	if (made != GRAPH_NONE && tensor_elements(&onnx->graph->tensors[made]) != elements)
		return onnx_refuse(onnx, node, -EINVAL,
			"the scale does not broadcast to the dimensions from the axis on");
	return onnx_output(onnx, node, 0, made);
}

// x / (sum of |x|^p along the axis)^(1/p); of zeros 0.
int onnx_import_lp_norm(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t axis, p;
	uint32_t made;

	if (read_axis(onnx, node, -1, &axis) || onnx_int(onnx, node, "p", 2, &p))
		return -EINVAL;
	if (p != 1 && p != 2)
		return onnx_refuse(
			onnx, node, -EINVAL, "p is %lld, should be 1 or 2", (long long)p);
	made = reduced(onnx, node, p == 1 ? OP_REDUCE_L1 : OP_REDUCE_L2, node->inputs[0], 1, &axis);
	made = with(onnx, node, OP_MAX, made, FLT_MIN);
	return onnx_output(
		onnx, node, 0, onnx_emit_pair(onnx, node, OP_DIV, node->inputs[0], made));
}

// Each channel of each image by its own mean and deviation: a LayerNormalization of its places.
int onnx_import_instance_norm(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	int64_t flat[2] = { 1, 1 }, along[GRAPH_RANK_MAX];
	uint32_t inputs[2], made;
	float epsilon;

	if (onnx_float(onnx, node, "epsilon", 1e-5f, &epsilon) || onnx_as_floats(onnx, node))
		return -EINVAL;
	for (uint32_t d = 0; d < x.rank; d++) {
		flat[d >= 2] *= x.dims[d];
		along[d] = d == 1 ? x.dims[d] : 1;
	}
	for (uint32_t i = 1; i < 3; i++) {
		const struct tensor *parameter = onnx_input(onnx, node, i);

		if (x.rank < 3 || parameter->rank != 1 || parameter->dims[0] != x.dims[1])
			return onnx_refuse(onnx, node, -EINVAL,
				"input %u should have one value for each of the input's channels",
				i);
	}
	const struct attr attrs[] = { ONNX_FLOAT(ATTR_EPSILON, epsilon), ONNX_INT(ATTR_AXIS, -1) };
	void *ones;

	inputs[0] = onnx_emit_reshape(onnx, node, node->inputs[0], 2, flat);
	inputs[1] = onnx_made(onnx, node, DTYPE_F32, 1, flat + 1, &ones);
	if (inputs[0] == GRAPH_NONE || inputs[1] == GRAPH_NONE)
		return -ENOMEM;
	for (int64_t i = 0; i < flat[1]; i++)
		((float *)ones)[i] = 1;
	made = onnx_emit(onnx, node, OP_LAYER_NORM, 2, inputs, 2, attrs);
	if (made != GRAPH_NONE)
		made = onnx_emit_reshape(onnx, node, made, x.rank, x.dims);
	made = onnx_emit_pair(onnx, node, OP_MUL, made,
		onnx_emit_reshape(onnx, node, node->inputs[1], x.rank, along));
	made = onnx_emit_pair(onnx, node, OP_ADD, made,
		onnx_emit_reshape(onnx, node, node->inputs[2], x.rank, along));
	return onnx_output(onnx, node, 0, made);
}

// x / (bias + alpha / size * sum of x^2 over `size` neighbouring channels)^beta: the sums by a pool
// along the channels, with what lies outside as zeros.
int onnx_import_lrn(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	int64_t size, planes[4] = { 1, 1, 1, 1 };
	float alpha, beta, bias;
	uint32_t made;

	if (onnx_int(onnx, node, "size", 0, &size) ||
		onnx_float(onnx, node, "alpha", 1e-4f, &alpha) ||
		onnx_float(onnx, node, "beta", 0.75f, &beta) ||
		onnx_float(onnx, node, "bias", 1, &bias) || onnx_as_floats(onnx, node))
		return -EINVAL;
	if (size < 1 || size > 1 << 14 || x.rank < 2)
		return onnx_refuse(onnx, node, -EINVAL,
			"size is %lld, should be 1 to %d, of an input with 2 dimensions or more",
			(long long)size, 1 << 14);
	planes[0] = x.dims[0];
	planes[2] = x.dims[1];
	for (uint32_t d = 2; d < x.rank; d++)
		planes[3] *= x.dims[d];
	const int64_t kernel[2] = { size, 1 }, pads[4] = { (size - 1) / 2, 0, size / 2, 0 };
	const struct attr attrs[] = {
		{ .key = ATTR_KERNEL_SHAPE, .kind = ATTR_KIND_INTS, .count = 2, .ints = kernel },
		{ .key = ATTR_PADS, .kind = ATTR_KIND_INTS, .count = 4, .ints = pads },
		ONNX_INT(ATTR_COUNT_INCLUDE_PAD, 1)
	};

	made = onnx_emit_pair(onnx, node, OP_MUL, node->inputs[0], node->inputs[0]);
	if (made != GRAPH_NONE)
		made = onnx_emit_reshape(onnx, node, made, 4, planes);
	if (made != GRAPH_NONE)
		made = onnx_emit(onnx, node, OP_AVERAGE_POOL, 1, &made, 3, attrs);
	if (made != GRAPH_NONE)
		made = onnx_emit_reshape(onnx, node, made, x.rank, x.dims);
	made = with(onnx, node, OP_ADD, with(onnx, node, OP_MUL, made, alpha), bias);
	made = with(onnx, node, OP_POW, made, beta);
	return onnx_output(
		onnx, node, 0, onnx_emit_pair(onnx, node, OP_DIV, node->inputs[0], made));
}

// x * sigmoid(alpha * x)
int onnx_import_swish(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t made;
	float alpha;

	if (onnx_float(onnx, node, "alpha", 1, &alpha) || onnx_as_floats(onnx, node))
		return -EINVAL;
	made = one(onnx, node, OP_SIGMOID, with(onnx, node, OP_MUL, node->inputs[0], alpha));
	return onnx_output(
		onnx, node, 0, onnx_emit_pair(onnx, node, OP_MUL, node->inputs[0], made));
}
