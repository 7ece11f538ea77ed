// SPDX-License-Identifier: BSD-3-Clause
// Operators that weigh the values of a row, or of a channel, against each other.
#include "infer/ops/plain.h"
#include "infer/ops/rule.h"

#include <string.h>

int shape_softmax(const struct inference *in, struct tensor *out)
{
	uint32_t axis;

	if (shape_unary(in, out) != 0)
		return -EINVAL;
	return shape_need_axis(in, shape_input(in, 0)->rank, -1, &axis);
}

int shape_batch_norm(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);

	if (shape_unary(in, out) != 0)
		return -EINVAL;
	if (x->rank < 2)
		return shape_refuse(in, "input %s has no channel dimension, should be [N, C, ...]",
			tensor_shape_text(x).text);
	for (uint32_t i = 1; i <= 4; i++) {
		if (shape_need_vector(in, i, x->dims[1]) != 0)
			return -EINVAL;
	}
	return 0;
}

int shape_layer_norm(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);
	struct tensor normalised = { 0 };
	uint32_t axis;

	if (shape_unary(in, out) != 0 || shape_need_axis(in, x->rank, -1, &axis) != 0)
		return -EINVAL;
	for (uint32_t o = 1; o < in->node->n_outputs; o++) { // mean, then inverse deviation
		shape_copy(&out[o], x);
		for (uint32_t d = axis; d < x->rank; d++)
			out[o].dims[d] = 1;
	}
	normalised.rank = x->rank - axis;
	memcpy(normalised.dims, x->dims + axis, normalised.rank * sizeof(*x->dims));
	if (shape_need_broadcast_to(in, 1, &normalised) != 0)
		return -EINVAL;
	return shape_need_broadcast_to(in, 2, &normalised);
}

int shape_normalizer(const struct inference *in, struct tensor *out)
{
	if (shape_unary(in, out) != 0 || shape_need_int(in, ATTR_NORM, 0, 0, NORM_COUNT - 1) != 0)
		return -EINVAL;
	if (shape_input(in, 0)->rank == 0)
		return shape_refuse(in, "the input is a scalar, should be [..., C]");
	return 0;
}

const struct plain_op plain_softmax = { 0 };
const struct plain_op plain_batch_norm = { 0 };
const struct plain_op plain_layer_norm = { 0 };
const struct plain_op plain_normalizer = { 0 };
