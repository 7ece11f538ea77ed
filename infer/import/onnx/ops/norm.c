// SPDX-License-Identifier: BSD-3-Clause
// Softmax, LogSoftmax, BatchNormalization, LayerNormalization.
#include "infer/import/onnx/onnx.h"

// Before opset 13 the input is taken as a matrix: all dimensions from `axis` on are one softmax.
static int import_softmax_as(struct onnx *onnx, const struct onnx_node *node, enum op op)
{
	struct tensor x;
	int64_t axis;
	uint32_t made;

	if (onnx_as_floats(onnx, node) ||
		onnx_int(onnx, node, "axis", onnx->opset < 13 ? 1 : -1, &axis))
		return -EINVAL;
	x = *onnx_input(onnx, node, 0);
	if (axis < -(int64_t)x.rank || axis > (int64_t)x.rank ||
		(axis == x.rank && onnx->opset >= 13))
		return onnx_refuse(onnx, node, -EINVAL, "axis %lld, the input has %u dimensions",
			(long long)axis, x.rank);
	if (axis < 0)
		axis += x.rank;
	if (onnx->opset >= 13 || axis + 1 == x.rank) {
		const struct attr attr = ONNX_INT(ATTR_AXIS, axis);

		return onnx_import_as(onnx, node, op, 1, 1, &attr);
	}
	const struct attr attr = ONNX_INT(ATTR_AXIS, 1);
	int64_t flat[2] = { 1, 1 };

	for (uint32_t d = 0; d < x.rank; d++)
		flat[d >= axis] *= x.dims[d];
	made = onnx_emit_reshape(onnx, node, node->inputs[0], 2, flat);
	if (made != GRAPH_NONE)
		made = onnx_emit(onnx, node, op, 1, &made, 1, &attr);
	if (made != GRAPH_NONE)
		made = onnx_emit_reshape(onnx, node, made, x.rank, x.dims);
	return onnx_output(onnx, node, 0, made);
}

int onnx_import_softmax(struct onnx *onnx, const struct onnx_node *node)
{
	return import_softmax_as(onnx, node, OP_SOFTMAX);
}

int onnx_import_log_softmax(struct onnx *onnx, const struct onnx_node *node)
{
	return import_softmax_as(onnx, node, OP_LOG_SOFTMAX);
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
			return -EINVAL;
	}
	deviation = onnx_emit_pair(onnx, node, OP_ADD, along[4], onnx_scalar(onnx, node, epsilon));
	if (deviation != GRAPH_NONE)
		deviation = onnx_emit(onnx, node, OP_SQRT, 1, &deviation, 0, NULL);
	made = onnx_emit_pair(onnx, node, OP_SUB, node->inputs[0], along[3]);
	made = onnx_emit_pair(onnx, node, OP_DIV, made, deviation);
	made = onnx_emit_pair(onnx, node, OP_MUL, made, along[1]);
	return onnx_output(onnx, node, 0, onnx_emit_pair(onnx, node, OP_ADD, made, along[2]));
}

int onnx_import_batch_norm(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t spatial, training;
	float epsilon;

	if (onnx_float(onnx, node, "epsilon", 1e-5f, &epsilon) ||
		onnx_int(onnx, node, "spatial", 1, &spatial) ||
		onnx_int(onnx, node, "training_mode", 0, &training) ||
		onnx_old_test_mode(onnx, node))
		return -EINVAL;
	if (refuse_further_outputs(onnx, node))
		return -ENOTSUP;
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
		return -ENOMEM;
	emission.inputs = inputs;
	emission.n_inputs = bias && !computed ? 3 : 2;
	rc = onnx_emit_outputs(onnx, node, &emission, n_outputs, outputs);
	if (rc != 0 || !computed)
		return rc;
	outputs[0] = onnx_emit_pair(onnx, node, OP_MUL, outputs[0], node->inputs[1]);
	if (bias)
		outputs[0] = onnx_emit_pair(onnx, node, OP_ADD, outputs[0], inputs[2]);
	if (outputs[0] == GRAPH_NONE)
		return -EINVAL;
	if (tensor_elements(&onnx->graph->tensors[outputs[0]]) !=
		tensor_elements(onnx_input(onnx, node, 0)))
		return onnx_refuse(onnx, node, -EINVAL,
			"scale or bias do not broadcast to the dimensions from the axis on");
	return 0;
}

// Outputs 1 and 2 are the mean and the inverse deviation.
int onnx_import_layer_norm(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t outputs[ONNX_EMIT_OUTPUTS];
	uint32_t n_outputs = (uint32_t)node->proto->n_output;
	float epsilon;
	int64_t axis;
	int rc;

	if (onnx_float(onnx, node, "epsilon", 1e-5f, &epsilon) ||
		onnx_int(onnx, node, "axis", -1, &axis))
		return -EINVAL;
	if (onnx->opset < 17)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"LayerNormalization exists from opset 17 on, the file says %lld",
			(long long)onnx->opset);
	if (node->proto->n_output > ONNX_EMIT_OUTPUTS)
		return onnx_refuse(onnx, node, -EINVAL, "has %zu outputs, should have 1 to %d",
			node->proto->n_output, ONNX_EMIT_OUTPUTS);
	if (onnx_as_floats(onnx, node))
		return -ENOMEM;
	const struct attr attrs[] = { ONNX_FLOAT(ATTR_EPSILON, epsilon),
		ONNX_INT(ATTR_AXIS, axis) };
	struct onnx_emission emission = { .op = OP_LAYER_NORM, .n_attrs = 2, .attrs = attrs };

	rc = emit_layer_norm(onnx, node, &emission, n_outputs, outputs);
	for (uint32_t o = 0; o < n_outputs && rc == 0; o++)
		rc = onnx_output(onnx, node, o, outputs[o]);
	return rc;
}
