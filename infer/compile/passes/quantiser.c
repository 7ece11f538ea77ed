// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/quantiser.h"

#include "infer/compile/passes/constants.h"

#include <stdio.h>

uint32_t quantise_add_tensor(
	struct quantiser *q, const struct tensor *like, enum dtype dtype, const char *suffix)
{
	char name[200];

	snprintf(name, sizeof(name), "%.150s~%s%u", like->name, suffix, q->to->n_tensors);
	return graph_add_tensor(q->to, name, dtype, like->rank, like->dims, NULL, q->err);
}

// The tensor with its columns on one scale: divided by their own, zero points added. GRAPH_NONE: err is filled.
static uint32_t quantise_level(struct quantiser *q, uint32_t tensor)
{
	const struct tensor *like = &q->from->tensors[tensor];
	const struct quantise_channels *channels = &q->tensors[tensor].channels;
	uint32_t inputs[3] = { tensor }, output;
	float *scale, *shift;

	inputs[1] = pass_constant(q->to, like->name, 1, channels->n, 0, &scale, q->err);
	if (inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	inputs[2] = pass_constant(q->to, like->name, 1, channels->n, 0, &shift, q->err);
	output = inputs[2] == GRAPH_NONE ? GRAPH_NONE
					 : quantise_add_tensor(q, like, DTYPE_F32, "level");
	if (output == GRAPH_NONE)
		return GRAPH_NONE;
	for (uint32_t c = 0; c < channels->n; c++) {
		scale[c] = 1 / channels->scales[c];
		shift[c] = (float)channels->zeros[c];
	}
	return graph_add_node(q->to, OP_AFFINE, NULL, 3, inputs, 1, &output, q->err) == GRAPH_NONE
		? GRAPH_NONE
		: output;
}

uint32_t quantise_bytes(struct quantiser *q, uint32_t tensor)
{
	struct quantise_tensor *of = &q->tensors[tensor];
	const struct tensor *like = &q->from->tensors[tensor];
	uint32_t inputs[3] = { tensor }, output, node;
	void *scale, *zero;

	if (of->q != GRAPH_NONE)
		return of->q;
	of->of = quantise_activation(q->options, &q->ranges->of[tensor]);
	if (!of->read_by_conv &&
		quantise_channels_of(q->from, q->ranges, q->options, q->layers, tensor,
			&of->channels, q->err) != 0)
		return GRAPH_NONE;
	if (of->channels.n > 0) {
		of->of = (struct quantum){ .dtype = of->channels.dtype, .scale = 1 };
		inputs[0] = quantise_level(q, tensor);
		if (inputs[0] == GRAPH_NONE)
			return GRAPH_NONE;
	}
	inputs[1] = pass_constant_of(q->to, like->name, DTYPE_F32, 0, 0, 0, &scale, q->err);
	if (inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	inputs[2] = pass_constant_of(q->to, like->name, of->of.dtype, 0, 0, 0, &zero, q->err);
	output = inputs[2] == GRAPH_NONE ? GRAPH_NONE
					 : quantise_add_tensor(q, like, of->of.dtype, "q");
	if (output == GRAPH_NONE)
		return GRAPH_NONE;
	*(float *)scale = of->of.scale;
	*(uint8_t *)zero = (uint8_t)of->of.zero;
	node = graph_add_node(q->to, OP_QUANTIZE_LINEAR, NULL, 3, inputs, 1, &output, q->err);
	if (node == GRAPH_NONE)
		return GRAPH_NONE;
	if (node_set_int(q->to, &q->to->nodes[node], ATTR_TO, of->of.dtype) != 0) {
		error_set(q->err, -ENOMEM, "out of memory");
		return GRAPH_NONE;
	}
	return of->q = output;
}
