// SPDX-License-Identifier: BSD-3-Clause
// Operators that take each value by itself or in pairs: shapes as the inputs have them, broadcast.
#include "infer/shapes.h"

int shape_same(const struct inference *in, struct tensor *out)
{
	shape_copy(out, shape_input(in, 0));
	return 0;
}

int shape_unary(const struct inference *in, struct tensor *out)
{
	shape_copy(out, shape_input(in, 0));
	return shape_need_f32(in);
}

int shape_gelu(const struct inference *in, struct tensor *out)
{
	int rc = shape_unary(in, out);

	return rc ? rc : shape_need_int(in, ATTR_APPROXIMATE, 0, 0, 1);
}

int shape_binary(const struct inference *in, struct tensor *out)
{
	if (shape_need_f32(in) != 0)
		return -EINVAL;
	if (dims_broadcast(out, shape_input(in, 0), shape_input(in, 1)) != 0)
		return shape_refuse_pair(in, 0, 1, "they do not broadcast to each other");
	return 0;
}

int shape_prelu(const struct inference *in, struct tensor *out)
{
	if (shape_unary(in, out) != 0)
		return -EINVAL;
	return shape_need_broadcast_to(in, 1, shape_input(in, 0));
}

int shape_affine(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);

	if (shape_unary(in, out) != 0 || shape_need_constant(in, 1) != 0 ||
		shape_need_constant(in, 2) != 0 ||
		shape_need_int(in, ATTR_ACTIVATION, 0, 0, ACTIVATION_COUNT - 1) != 0)
		return -EINVAL;
	if (x->rank == 0)
		return shape_refuse(in, "the input is a scalar, should have a last dimension");
	if (shape_need_vector(in, 1, x->dims[x->rank - 1]) != 0)
		return -EINVAL;
	return shape_need_vector(in, 2, x->dims[x->rank - 1]);
}
