// SPDX-License-Identifier: BSD-3-Clause
// Operators that weigh the values of a row, or of a channel, against each other.
#include "infer/ops/rule.h"

#include <inttypes.h>

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

#define COUPLED_MAX 256 // classes: the work grows with their cube

int shape_pairwise_coupling(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);
	int64_t k = 2;

	if (shape_need_f32(in) != 0)
		return -EINVAL;
	if (x->rank != 2 || x->dims[0] != 1)
		return shape_refuse(
			in, "the input is %s, should be one row", tensor_shape_text(x).text);
	while (k < COUPLED_MAX && k * (k - 1) / 2 < x->dims[1])
		k++;
	if (k * (k - 1) / 2 != x->dims[1])
		return shape_refuse(in, "%" PRId64 " values are not the pairs of 2 to %d classes",
			x->dims[1], COUPLED_MAX);
	shape_copy(out, x);
	out->dims[1] = k;
	return 0;
}
