// SPDX-License-Identifier: BSD-3-Clause
// Support vector machines.
#include "infer/ops/rule.h"

int shape_svm(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *vectors = shape_input(in, 1),
			    *weights = shape_input(in, 2);

	if (shape_need_f32(in) != 0 ||
		shape_need_int(in, ATTR_MODE, SVM_LINEAR, 0, SVM_KERNEL_COUNT - 1) != 0)
		return -EINVAL;
	for (uint32_t i = 1; i < 4; i++) {
		if (shape_need_constant(in, i) != 0)
			return -EINVAL;
	}
	if (x->rank != 2 || vectors->rank != 2 || x->dims[1] != vectors->dims[1])
		return shape_refuse_pair(in, 0, 1, "should be [M, C] and [V, C]");
	if (weights->rank != 2 || weights->dims[0] != vectors->dims[0])
		return shape_refuse_pair(in, 1, 2, "should be [V, C] and [V, N]");
	shape_copy(out, x);
	out->dims[1] = weights->dims[1];
	return shape_need_vector(in, 3, weights->dims[1]);
}
