// SPDX-License-Identifier: BSD-3-Clause
// What the rules share: inputs as they must be, broadcasting.
#include "infer/ops/rule.h"

#include <inttypes.h>
#include <string.h>

const struct tensor *shape_input(const struct inference *in, uint32_t i)
{
	if (i >= in->node->n_inputs || in->node->inputs[i] == GRAPH_NONE)
		return NULL;
	return &in->graph->tensors[in->node->inputs[i]];
}

int shape_refuse_pair(const struct inference *in, uint32_t a, uint32_t b, const char *rule)
{
	return shape_refuse(in, "inputs %s and %s: %s", tensor_shape_text(shape_input(in, a)).text,
		tensor_shape_text(shape_input(in, b)).text, rule);
}

int shape_need_f32(const struct inference *in)
{
	for (uint32_t i = 0; i < in->node->n_inputs; i++) {
		const struct tensor *tensor = shape_input(in, i);

		if (tensor && tensor->dtype != DTYPE_F32)
			return shape_refuse(in, "input \"%s\" is %s, only float32 is computed",
				tensor->name, dtype_name(tensor->dtype));
	}
	return 0;
}

int shape_need_dtype(const struct inference *in, uint32_t i, enum dtype dtype)
{
	const struct tensor *tensor = shape_input(in, i);

	if (tensor && tensor->dtype != dtype)
		return shape_refuse(in, "input \"%s\" is %s, should be %s", tensor->name,
			dtype_name(tensor->dtype), dtype_name(dtype));
	return 0;
}

int shape_need_integers(const struct inference *in)
{
	for (uint32_t i = 0; i < in->node->n_inputs; i++) {
		const struct tensor *tensor = shape_input(in, i);

		if (tensor && (dtype_is_float(tensor->dtype) || tensor->dtype == DTYPE_BOOL))
			return shape_refuse(in, "input \"%s\" is %s, should be of whole numbers",
				tensor->name, dtype_name(tensor->dtype));
	}
	return 0;
}

int shape_need_constant(const struct inference *in, uint32_t i)
{
	if (shape_input(in, i) && !shape_input(in, i)->data)
		return shape_refuse(in, "input \"%s\" must be constant", shape_input(in, i)->name);
	return 0;
}

// A vector of `count`, or left out.
int shape_need_vector(const struct inference *in, uint32_t i, int64_t count)
{
	const struct tensor *tensor = shape_input(in, i);

	if (tensor && (tensor->rank != 1 || tensor->dims[0] != count))
		return shape_refuse(in, "input \"%s\" is %s, should be [%" PRId64 "]", tensor->name,
			tensor_shape_text(tensor).text, count);
	return 0;
}

int shape_need_int(
	const struct inference *in, enum attr_key key, int64_t otherwise, int64_t low, int64_t high)
{
	int64_t value = node_int(in->node, key, otherwise);

	if (value < low || value > high)
		return shape_refuse(in,
			"attribute \"%s\" is %" PRId64 ", should be %" PRId64 " to %" PRId64,
			attr_name(key), value, low, high);
	return 0;
}

int op_axis(const struct node *node, uint32_t rank, int64_t otherwise, uint32_t *axis)
{
	int64_t value = node_int(node, ATTR_AXIS, otherwise);

	if (value < -(int64_t)rank || value >= (int64_t)rank)
		return -EINVAL;
	*axis = (uint32_t)(value < 0 ? value + rank : value);
	return 0;
}

int shape_need_axis(const struct inference *in, uint32_t rank, int64_t otherwise, uint32_t *axis)
{
	if (op_axis(in->node, rank, otherwise, axis) != 0)
		return shape_refuse(in,
			"axis %" PRId64 " is not one of the input's %" PRIu32 " dimensions",
			node_int(in->node, ATTR_AXIS, otherwise), rank);
	return 0;
}

void shape_copy(struct tensor *out, const struct tensor *from)
{
	out->dtype = from->dtype;
	out->rank = from->rank;
	memcpy(out->dims, from->dims, sizeof(out->dims));
}

int dims_broadcast(struct tensor *out, const struct tensor *a, const struct tensor *b)
{
	struct tensor shape = { .dtype = a->dtype, .rank = a->rank > b->rank ? a->rank : b->rank };

	for (uint32_t d = 1; d <= shape.rank; d++) { // from the last
		int64_t x = d <= a->rank ? a->dims[a->rank - d] : 1;
		int64_t y = d <= b->rank ? b->dims[b->rank - d] : 1;

		if (x != y && x != 1 && y != 1)
			return -EINVAL;
		shape.dims[shape.rank - d] = x == 1 ? y : x;
	}
	shape_copy(out, &shape);
	return 0;
}

// Input i must broadcast to `to` without widening it.
int shape_need_broadcast_to(const struct inference *in, uint32_t i, const struct tensor *to)
{
	const struct tensor *tensor = shape_input(in, i);
	struct tensor shape = { 0 };

	if (!tensor)
		return 0;
	if (dims_broadcast(&shape, to, tensor) != 0 || shape.rank != to->rank ||
		memcmp(shape.dims, to->dims, sizeof(shape.dims)) != 0)
		return shape_refuse(in, "input \"%s\" is %s, which does not broadcast to %s",
			tensor->name, tensor_shape_text(tensor).text, tensor_shape_text(to).text);
	return 0;
}
