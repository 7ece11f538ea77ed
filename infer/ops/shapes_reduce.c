// SPDX-License-Identifier: BSD-3-Clause
// Operators that make one value of many along axes.
#include "infer/ops/rule.h"

#include <string.h>

int shape_arg(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);
	const bool keep = node_int(in->node, ATTR_KEEPDIMS, 1) != 0;
	uint32_t axis;

	if (shape_need_axis(in, x->rank, 0, &axis) != 0)
		return -EINVAL;
	if (x->dims[axis] == 0)
		return shape_refuse(
			in, "input %s has nothing along the axis", tensor_shape_text(x).text);
	shape_copy(out, x);
	out->dtype = DTYPE_I64;
	out->dims[axis] = 1;
	if (keep)
		return 0;
	out->rank--;
	for (uint32_t d = axis; d < out->rank; d++)
		out->dims[d] = out->dims[d + 1];
	out->dims[out->rank] = 0;
	return 0;
}

// AXES: counted from the front, each once; left out: all. What ONNX's operators take.
int shape_reduce(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);
	const struct attr *axes = node_attr(in->node, ATTR_AXES);
	const bool keep = node_int(in->node, ATTR_KEEPDIMS, 1) != 0;
	const enum op op = in->node->op;
	uint32_t mask = 0;

	if (x->dtype != DTYPE_F32 &&
		(dtype_is_float(x->dtype) || op == OP_REDUCE_L2 || op == OP_REDUCE_MEAN ||
			op == OP_REDUCE_LOG_SUM || op == OP_REDUCE_LOG_SUM_EXP))
		return shape_refuse(
			in, "input \"%s\" is %s, should be float32", x->name, dtype_name(x->dtype));
	for (uint32_t i = 0; axes && i < axes->count; i++) {
		if (axes->ints[i] < 0 || axes->ints[i] >= x->rank || (mask >> axes->ints[i] & 1))
			return shape_refuse(in,
				"attribute \"axes\" should name dimensions of %s once each",
				tensor_shape_text(x).text);
		mask |= 1u << axes->ints[i];
	}
	if (!axes)
		mask = (1u << x->rank) - 1;
	*out = (struct tensor){ .dtype = x->dtype };
	for (uint32_t d = 0; d < x->rank; d++) {
		if ((mask >> d & 1) && x->dims[d] == 0)
			return shape_refuse(in, "input %s has nothing along an axis",
				tensor_shape_text(x).text);
		if (!(mask >> d & 1) || keep)
			out->dims[out->rank++] = mask >> d & 1 ? 1 : x->dims[d];
	}
	return 0;
}

int shape_cum_sum(const struct inference *in, struct tensor *out)
{
	uint32_t axis;
	int rc = shape_arithmetic(in, out);

	return rc ? rc : shape_need_axis(in, shape_input(in, 0)->rank, -1, &axis);
}

int shape_top_k(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);
	uint32_t axis;

	if (shape_arithmetic(in, &out[0]) != 0 || shape_need_axis(in, x->rank, -1, &axis) != 0 ||
		shape_need_int(in, ATTR_K, 0, 1, x->dims[axis]) != 0)
		return -EINVAL;
	out[0].dims[axis] = node_int(in->node, ATTR_K, 0);
	if (in->node->n_outputs > 1) {
		shape_copy(&out[1], &out[0]);
		out[1].dtype = DTYPE_I64;
	}
	return 0;
}
