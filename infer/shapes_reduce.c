// SPDX-License-Identifier: BSD-3-Clause
// Operators that make one value of many along axes.
#include "infer/shapes.h"

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
