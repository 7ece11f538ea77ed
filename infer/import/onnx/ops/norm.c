// SPDX-License-Identifier: BSD-3-Clause
// Softmax and the normalisations, those of them that the graph has no operator for written as
// others, as ONNX's Operators.md defines them.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/ops/old.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <float.h>

// Before opset 13 the input is taken as a matrix: all dimensions from `axis` on are one softmax.
static int import_softmax(struct onnx *onnx, const struct onnx_node *node)
{
	struct tensor x;
	int64_t axis;
	uint32_t made;

	if (onnx_as_floats(onnx, node) ||
		onnx_int(onnx, node, "axis", onnx->opset < 13 ? 1 : -1, &axis))
		return onnx_refused(onnx);
	x = *onnx_input(onnx, node, 0);
	if (axis < -(int64_t)x.rank || axis > (int64_t)x.rank ||
		(axis == x.rank && onnx->opset >= 13))
		return onnx_refuse(onnx, node, -EINVAL, "axis %lld, the input has %u dimensions",
			(long long)axis, x.rank);
	if (axis < 0)
		axis += x.rank;
	if (onnx->opset >= 13 || axis + 1 == x.rank) {
		const struct attr attr = ONNX_INT(ATTR_AXIS, axis);

		return onnx_import_as(onnx, node, node->op, 1, 1, &attr);
	}
	const struct attr attr = ONNX_INT(ATTR_AXIS, 1);
	int64_t flat[2] = { 1, 1 };

	for (uint32_t d = 0; d < x.rank; d++)
		flat[d >= axis] *= x.dims[d];
	made = onnx_emit_reshape(onnx, node, node->inputs[0], 2, flat);
	made = onnx_emit(onnx, node, node->op, 1, &made, 1, &attr);
	made = onnx_emit_reshape(onnx, node, made, x.rank, x.dims);
	return onnx_output(onnx, node, 0, made);
}

static int refuse_further_outputs(struct onnx *onnx, const struct onnx_node *node)
{
	for (size_t o = 1; o < node->proto->n_output; o++) {
		if (*node->proto->output[o])
			return onnx_refuse(onnx, node, -ENOTSUP,
				"output %zu is for training; only the first is supported", o);
	}
	return 0;
}

// Parameters that are computed: (x - mean) / sqrt(variance + epsilon) * scale + bias, each
// parameter along x's dimension 1.
static int batch_norm_as_pairs(struct onnx *onnx, const struct onnx_node *node, float epsilon)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	int64_t dims[GRAPH_RANK_MAX];
	uint32_t made, deviation, along[5] = { 0 };

	for (uint32_t d = 0; d < x.rank; d++)
		dims[d] = 1;
	for (uint32_t i = 1; i <= 4; i++) {
		const struct tensor *parameter = onnx_input(onnx, node, i);

		if (x.rank < 2 || parameter->rank != 1 || parameter->dims[0] != x.dims[1])
			return onnx_refuse(onnx, node, -EINVAL,
				"input %u should have one value for each of the input's channels",
				i);
		dims[1] = x.dims[1];
		along[i] = onnx_emit_reshape(onnx, node, node->inputs[i], x.rank, dims);
		if (along[i] == GRAPH_NONE)
			return onnx_refused(onnx);
	}
	deviation = onnx_emit_pair(onnx, node, OP_ADD, along[4], onnx_scalar(onnx, node, epsilon));
	deviation = onnx_emit(onnx, node, OP_SQRT, 1, &deviation, 0, NULL);
	made = onnx_emit_pair(onnx, node, OP_SUB, node->inputs[0], along[3]);
	made = onnx_emit_pair(onnx, node, OP_DIV, made, deviation);
	made = onnx_emit_pair(onnx, node, OP_MUL, made, along[1]);
	return onnx_output(onnx, node, 0, onnx_emit_pair(onnx, node, OP_ADD, made, along[2]));
}

static int import_batch_norm(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t spatial, training;
	float epsilon;

	if (onnx_float(onnx, node, "epsilon", 1e-5f, &epsilon) ||
		onnx_int(onnx, node, "spatial", 1, &spatial) ||
		onnx_int(onnx, node, "training_mode", 0, &training) ||
		onnx_old_test_mode(onnx, node))
		return onnx_refused(onnx);
	if (refuse_further_outputs(onnx, node))
		return onnx_refused(onnx);
	// Of rows, each column is a channel: then spatial says nothing.
	if ((spatial != 1 && onnx_input(onnx, node, 0)->rank != 2) || training != 0)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"only inference with one scale a channel is supported (spatial 1, "
			"training_mode 0)");
	for (uint32_t i = 1; i <= 4; i++) {
		if (!onnx_input(onnx, node, i)->data)
			return batch_norm_as_pairs(onnx, node, epsilon);
	}
	const struct attr attr = ONNX_FLOAT(ATTR_EPSILON, epsilon);
	return onnx_import_as(onnx, node, OP_BATCH_NORM, 5, 1, &attr);
}

// Scale and bias as they are where they are constant, otherwise 1 and none, and what they do after.
static int emit_layer_norm(struct onnx *onnx, const struct onnx_node *node,
	const struct onnx_emission *settings, uint32_t n_outputs, uint32_t *outputs)
{
	struct onnx_emission emission = *settings;
	uint32_t inputs[3] = { node->inputs[0], node->inputs[1] };
	bool bias = node->n_inputs == 3 && node->inputs[2] != GRAPH_NONE;
	bool computed =
		!onnx_input(onnx, node, 1)->data || (bias && !onnx_input(onnx, node, 2)->data);
	int rc;

	if (bias)
		inputs[2] = node->inputs[2];
	if (computed)
		inputs[1] = onnx_scalar(onnx, node, 1);
	if (inputs[1] == GRAPH_NONE)
		return onnx_refused(onnx);
	emission.inputs = inputs;
	emission.n_inputs = bias && !computed ? 3 : 2;
	rc = onnx_emit_outputs(onnx, node, &emission, n_outputs, outputs);
	if (rc != 0 || !computed)
		return rc;
	outputs[0] = onnx_emit_pair(onnx, node, OP_MUL, outputs[0], node->inputs[1]);
	if (bias)
		outputs[0] = onnx_emit_pair(onnx, node, OP_ADD, outputs[0], inputs[2]);
	if (outputs[0] == GRAPH_NONE)
		return onnx_refused(onnx);
	if (tensor_elements(&onnx->graph->tensors[outputs[0]]) !=
		tensor_elements(onnx_input(onnx, node, 0)))
		return onnx_refuse(onnx, node, -EINVAL,
			"scale or bias do not broadcast to the dimensions from the axis on");
	return 0;
}

// Outputs 1 and 2 are the mean and the inverse deviation. ONNX has it from opset 17 on; what ONNX
// Runtime wrote into files of older ones is the same.
static int import_layer_norm(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t outputs[ONNX_EMIT_OUTPUTS];
	uint32_t n_outputs = (uint32_t)node->proto->n_output;
	float epsilon;
	int64_t axis;
	int rc;

	if (onnx_float(onnx, node, "epsilon", 1e-5f, &epsilon) ||
		onnx_int(onnx, node, "axis", -1, &axis))
		return onnx_refused(onnx);
	if (node->proto->n_output > ONNX_EMIT_OUTPUTS)
		return onnx_refuse(onnx, node, -EINVAL, "has %zu outputs, should have 1 to %d",
			node->proto->n_output, ONNX_EMIT_OUTPUTS);
	if (onnx_as_floats(onnx, node))
		return onnx_refused(onnx);
	const struct attr attrs[] = { ONNX_FLOAT(ATTR_EPSILON, epsilon),
		ONNX_INT(ATTR_AXIS, axis) };
	struct onnx_emission emission = { .op = OP_LAYER_NORM, .n_attrs = 2, .attrs = attrs };

	rc = emit_layer_norm(onnx, node, &emission, n_outputs, outputs);
	for (uint32_t o = 0; o < n_outputs && rc == 0; o++)
		rc = onnx_output(onnx, node, o, outputs[o]);
	return rc;
}

// Over the axes, which stay with 1 value.
static uint32_t reduced(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t x,
	uint32_t count, const int64_t *axes)
{
	const struct attr attrs[] = { ONNX_INTS(ATTR_AXES, count, axes),
		ONNX_INT(ATTR_KEEPDIMS, 1) };

	return onnx_emit(onnx, node, op, 1, &x, 2, attrs);
}

static int read_axis(
	struct onnx *onnx, const struct onnx_node *node, int64_t otherwise, int64_t *axis)
{
	const uint32_t rank = onnx_input(onnx, node, 0)->rank;

	if (onnx_as_floats(onnx, node) || onnx_int(onnx, node, "axis", otherwise, axis))
		return onnx_refused(onnx);
	if (*axis < -(int64_t)rank || *axis >= (int64_t)rank)
		return onnx_refuse(onnx, node, -EINVAL, "axis %lld, the input has %u dimensions",
			(long long)*axis, rank);
	*axis += *axis < 0 ? rank : 0;
	return 0;
}

// x / sqrt(mean of x^2 from the axis on + epsilon) * scale
static int import_rms_norm(struct onnx *onnx, const struct onnx_node *node)
{
	const uint32_t rank = onnx_input(onnx, node, 0)->rank, x = node->inputs[0];
	const int64_t elements = tensor_elements(onnx_input(onnx, node, 0));
	int64_t axes[GRAPH_RANK_MAX], axis;
	uint32_t count = 0, made;
	float epsilon;

	if (read_axis(onnx, node, -1, &axis) ||
		onnx_float(onnx, node, "epsilon", 1e-5f, &epsilon) ||
		refuse_further_outputs(onnx, node))
		return onnx_refused(onnx);
	while (axis < rank)
		axes[count++] = axis++;
	made = onnx_emit_pair(onnx, node, OP_MUL, x, x);
	made = reduced(onnx, node, OP_REDUCE_MEAN, made, count, axes);
	made = onnx_emit_one(
		onnx, node, OP_SQRT, onnx_emit_with(onnx, node, OP_ADD, made, epsilon));
	made = onnx_emit_pair(onnx, node, OP_DIV, x, made);
	made = onnx_emit_pair(onnx, node, OP_MUL, made, node->inputs[1]);
	if (made != GRAPH_NONE && tensor_elements(&onnx->graph->tensors[made]) != elements)
		return onnx_refuse(onnx, node, -EINVAL,
			"the scale does not broadcast to the dimensions from the axis on");
	return onnx_output(onnx, node, 0, made);
}

// x / (sum of |x|^p along the axis)^(1/p); of zeros 0.
static int import_lp_norm(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t axis, p;
	uint32_t made;

	if (read_axis(onnx, node, -1, &axis) || onnx_int(onnx, node, "p", 2, &p))
		return onnx_refused(onnx);
	if (p != 1 && p != 2)
		return onnx_refuse(
			onnx, node, -EINVAL, "p is %lld, should be 1 or 2", (long long)p);
	made = reduced(onnx, node, p == 1 ? OP_REDUCE_L1 : OP_REDUCE_L2, node->inputs[0], 1, &axis);
	made = onnx_emit_with(onnx, node, OP_MAX, made, FLT_MIN);
	return onnx_output(
		onnx, node, 0, onnx_emit_pair(onnx, node, OP_DIV, node->inputs[0], made));
}

// x as `rows` rows, each by its own mean and deviation, in x's dimensions again.
static uint32_t normalised_rows(
	struct onnx *onnx, const struct onnx_node *node, int64_t rows, float epsilon)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	const int64_t flat[2] = { rows, rows ? tensor_elements(&x) / rows : 0 };
	const struct attr attrs[] = { ONNX_FLOAT(ATTR_EPSILON, epsilon), ONNX_INT(ATTR_AXIS, -1) };
	uint32_t inputs[2];
	void *ones;

	inputs[0] = onnx_emit_reshape(onnx, node, node->inputs[0], 2, flat);
	inputs[1] = onnx_made(onnx, node, DTYPE_F32, 1, flat + 1, &ones);
	if (inputs[0] == GRAPH_NONE || inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	for (int64_t i = 0; i < flat[1]; i++)
		((float *)ones)[i] = 1;
	return onnx_emit_reshape(onnx, node,
		onnx_emit(onnx, node, OP_LAYER_NORM, 2, inputs, 2, attrs), x.rank, x.dims);
}

// Times input 1, plus input 2: `n` values each, along dimension 1 of `rank` dimensions.
static uint32_t scaled_along(
	struct onnx *onnx, const struct onnx_node *node, uint32_t x, uint32_t rank, int64_t n)
{
	int64_t along[GRAPH_RANK_MAX];

	for (uint32_t d = 0; d < rank; d++)
		along[d] = d == 1 ? n : 1;
	x = onnx_emit_pair(
		onnx, node, OP_MUL, x, onnx_emit_reshape(onnx, node, node->inputs[1], rank, along));
	return onnx_emit_pair(
		onnx, node, OP_ADD, x, onnx_emit_reshape(onnx, node, node->inputs[2], rank, along));
}

static int need_parameters(
	struct onnx *onnx, const struct onnx_node *node, int64_t n, const char *of)
{
	for (uint32_t i = 1; i < 3; i++) {
		const struct tensor *parameter = onnx_input(onnx, node, i);

		if (onnx_input(onnx, node, 0)->rank < 3 || parameter->rank != 1 ||
			parameter->dims[0] != n)
			return onnx_refuse(onnx, node, -EINVAL,
				"input %u should have one value for each of the input's %s", i, of);
	}
	return 0;
}

// Each channel of each image by its own mean and deviation: a LayerNormalization of its positions.
static int import_instance_norm(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	float epsilon;

	if (onnx_float(onnx, node, "epsilon", 1e-5f, &epsilon) || onnx_as_floats(onnx, node) ||
		need_parameters(onnx, node, x.dims[1], "channels"))
		return onnx_refused(onnx);
	return onnx_output(onnx, node, 0,
		scaled_along(onnx, node,
			normalised_rows(onnx, node, x.dims[0] * x.dims[1], epsilon), x.rank,
			x.dims[1]));
}

// The same of groups of channels. Scale and bias are of each group before opset 21, of each channel
// from then on.
static int import_group_norm(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	int64_t groups;
	uint32_t made;
	float epsilon;

	if (onnx_float(onnx, node, "epsilon", 1e-5f, &epsilon) ||
		onnx_int(onnx, node, "num_groups", 0, &groups) || onnx_as_floats(onnx, node))
		return onnx_refused(onnx);
	if (x.rank < 3 || groups < 1 || x.dims[1] % groups != 0 || tensor_elements(&x) == 0)
		return onnx_refuse(onnx, node, -EINVAL,
			"num_groups is %lld, should divide the channels of an input with 3 "
			"dimensions or more",
			(long long)groups);
	assert(x.dims[0] > 0); // there are elements
	made = normalised_rows(onnx, node, x.dims[0] * groups, epsilon);
	if (onnx->opset >= 21) {
		if (need_parameters(onnx, node, x.dims[1], "channels"))
			return onnx_refused(onnx);
		return onnx_output(
			onnx, node, 0, scaled_along(onnx, node, made, x.rank, x.dims[1]));
	}
	const int64_t dims[3] = { x.dims[0], groups, tensor_elements(&x) / x.dims[0] / groups };

	if (need_parameters(onnx, node, groups, "groups"))
		return onnx_refused(onnx);
	made = scaled_along(onnx, node, onnx_emit_reshape(onnx, node, made, 3, dims), 3, groups);
	return onnx_output(onnx, node, 0, onnx_emit_reshape(onnx, node, made, x.rank, x.dims));
}

// x / (bias + alpha / size * sum of x^2 over `size` neighbouring channels)^beta: the sums by a pool
// along the channels, with what lies outside as zeros.
static int import_lrn(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	int64_t size, planes[4] = { 1, 1, 1, 1 };
	float alpha, beta, bias;
	uint32_t made;

	if (onnx_int(onnx, node, "size", 0, &size) ||
		onnx_float(onnx, node, "alpha", 1e-4f, &alpha) ||
		onnx_float(onnx, node, "beta", 0.75f, &beta) ||
		onnx_float(onnx, node, "bias", 1, &bias) || onnx_as_floats(onnx, node))
		return onnx_refused(onnx);
	if (size < 1 || size > 1 << 14 || x.rank < 2)
		return onnx_refuse(onnx, node, -EINVAL,
			"size is %lld, should be 1 to %d, of an input with 2 dimensions or more",
			(long long)size, 1 << 14);
	planes[0] = x.dims[0];
	planes[2] = x.dims[1];
	for (uint32_t d = 2; d < x.rank; d++)
		planes[3] *= x.dims[d];
	const int64_t kernel[2] = { size, 1 }, pads[4] = { (size - 1) / 2, 0, size / 2, 0 };
	const struct attr attrs[] = { ONNX_INTS(ATTR_KERNEL_SHAPE, 2, kernel),
		ONNX_INTS(ATTR_PADS, 4, pads), ONNX_INT(ATTR_COUNT_INCLUDE_PAD, 1) };

	made = onnx_emit_pair(onnx, node, OP_MUL, node->inputs[0], node->inputs[0]);
	made = onnx_emit_reshape(onnx, node, made, 4, planes);
	made = onnx_emit(onnx, node, OP_AVERAGE_POOL, 1, &made, 3, attrs);
	made = onnx_emit_reshape(onnx, node, made, x.rank, x.dims);
	made = onnx_emit_with(
		onnx, node, OP_ADD, onnx_emit_with(onnx, node, OP_MUL, made, alpha), bias);
	made = onnx_emit_with(onnx, node, OP_POW, made, beta);
	return onnx_output(
		onnx, node, 0, onnx_emit_pair(onnx, node, OP_DIV, node->inputs[0], made));
}

// (x - mean) / (standard deviation + 1e-9) along the axes.
static int import_mean_variance_norm(struct onnx *onnx, const struct onnx_node *node)
{
	static const int64_t CHANNELS[] = { 0, 2, 3 };
	const struct tensor x = *onnx_input(onnx, node, 0);
	const Onnx__AttributeProto *given;
	int64_t axes[GRAPH_RANK_MAX];
	uint32_t mean, square, made;

	if (onnx_attr(onnx, node, "axes", ONNX_ATTRIBUTE(INTS), &given) ||
		onnx_as_floats(onnx, node))
		return onnx_refused(onnx);
	const int64_t *from = given ? given->ints : CHANNELS;
	const size_t count = given ? given->n_ints : 3;

	for (size_t i = 0; i < count && count <= x.rank; i++) {
		axes[i] = from[i] < 0 ? from[i] + x.rank : from[i];
		if (axes[i] < 0 || axes[i] >= x.rank)
			return onnx_refuse(onnx, node, -EINVAL, "the input, %s, has no axis %lld",
				tensor_shape_text(&x).text, (long long)from[i]);
	}
	if (count == 0 || count > x.rank)
		return onnx_refuse(
			onnx, node, -EINVAL, "%zu axes, should be 1 to %u", count, x.rank);
	mean = reduced(onnx, node, OP_REDUCE_MEAN, node->inputs[0], (uint32_t)count, axes);
	made = onnx_emit_pair(onnx, node, OP_SUB, node->inputs[0], mean);
	square = onnx_emit_pair(onnx, node, OP_MUL, made, made);
	square = reduced(onnx, node, OP_REDUCE_MEAN, square, (uint32_t)count, axes);
	square = onnx_emit_with(
		onnx, node, OP_ADD, onnx_emit_one(onnx, node, OP_SQRT, square), 1e-9f);
	return onnx_output(onnx, node, 0, onnx_emit_pair(onnx, node, OP_DIV, made, square));
}

const struct onnx_operator ONNX_NORM[] = {
	{ "Softmax", 1, 1, import_softmax, OP_SOFTMAX },
	{ "LogSoftmax", 1, 1, import_softmax, OP_LOG_SOFTMAX },
	{ "BatchNormalization", 5, 5, .import = import_batch_norm },
	{ "LayerNormalization", 2, 3, .import = import_layer_norm },
	{ "RMSNormalization", 2, 2, .import = import_rms_norm },
	{ "LpNormalization", 1, 1, .import = import_lp_norm },
	{ "InstanceNormalization", 3, 3, .import = import_instance_norm },
	{ "GroupNormalization", 3, 3, .import = import_group_norm },
	/* what ONNX Runtime calls RMSNormalization, in ai.onnx as well */
	{ "SimplifiedLayerNormalization", 2, 2, .import = import_rms_norm },
	{ "MeanVarianceNormalization", 1, 1, .import = import_mean_variance_norm },
	{ "LRN", 1, 1, .import = import_lrn },
	{ .type = NULL },
};
