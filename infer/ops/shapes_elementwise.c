// SPDX-License-Identifier: BSD-3-Clause
// Operators that take each value by itself or in pairs: shapes as the inputs have them, broadcast.
#include "infer/ops/rule.h"

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

static int broadcast_pair(const struct inference *in, struct tensor *out)
{
	if (dims_broadcast(out, shape_input(in, 0), shape_input(in, 1)) != 0)
		return shape_refuse_pair(in, 0, 1, "they do not broadcast to each other");
	return 0;
}

// Numbers of one dtype. Pow's exponent may have its own.
int shape_binary(const struct inference *in, struct tensor *out)
{
	const enum dtype dtype = shape_input(in, 0)->dtype;

	if (dtype == DTYPE_BOOL || (dtype_is_float(dtype) && dtype != DTYPE_F32))
		return shape_refuse(in, "input \"%s\" is %s, should be float32 or whole numbers",
			shape_input(in, 0)->name, dtype_name(dtype));
	if (in->node->op != OP_POW && shape_need_dtype(in, 1, dtype) != 0)
		return -EINVAL;
	return broadcast_pair(in, out);
}

int shape_arithmetic(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);

	shape_copy(out, x);
	if (x->dtype != DTYPE_F32 && (x->dtype == DTYPE_BOOL || dtype_is_float(x->dtype)))
		return shape_refuse(in, "input \"%s\" is %s, should be float32 or whole numbers",
			x->name, dtype_name(x->dtype));
	return 0;
}

int shape_is_nan(const struct inference *in, struct tensor *out)
{
	int rc = shape_unary(in, out);

	out->dtype = DTYPE_BOOL;
	return rc;
}

int shape_not(const struct inference *in, struct tensor *out)
{
	shape_copy(out, shape_input(in, 0));
	return shape_need_dtype(in, 0, DTYPE_BOOL);
}

int shape_logic(const struct inference *in, struct tensor *out)
{
	if (shape_need_dtype(in, 0, DTYPE_BOOL) != 0 || shape_need_dtype(in, 1, DTYPE_BOOL) != 0)
		return -EINVAL;
	return broadcast_pair(in, out);
}

int shape_bitwise(const struct inference *in, struct tensor *out)
{
	if (shape_need_integers(in) != 0)
		return -EINVAL;
	shape_copy(out, shape_input(in, 0));
	if (in->node->n_inputs == 1)
		return 0;
	if (shape_need_dtype(in, 1, out->dtype) != 0)
		return -EINVAL;
	return broadcast_pair(in, out);
}

int shape_compare(const struct inference *in, struct tensor *out)
{
	if (shape_need_dtype(in, 1, shape_input(in, 0)->dtype) != 0 || broadcast_pair(in, out) != 0)
		return -EINVAL;
	out->dtype = DTYPE_BOOL;
	return 0;
}

int shape_where(const struct inference *in, struct tensor *out)
{
	struct tensor pair;

	if (shape_need_dtype(in, 0, DTYPE_BOOL) != 0 ||
		shape_need_dtype(in, 2, shape_input(in, 1)->dtype) != 0)
		return -EINVAL;
	if (dims_broadcast(&pair, shape_input(in, 1), shape_input(in, 2)) != 0)
		return shape_refuse_pair(in, 1, 2, "they do not broadcast to each other");
	if (dims_broadcast(out, &pair, shape_input(in, 0)) != 0)
		return shape_refuse_pair(in, 0, 1, "they do not broadcast to each other");
	out->dtype = shape_input(in, 1)->dtype;
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
