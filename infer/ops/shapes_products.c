// SPDX-License-Identifier: BSD-3-Clause
// Matrix products.
#include "infer/ops/rule.h"

int shape_dense(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *w = shape_input(in, 1);

	if (shape_need_dtype(in, 0, DTYPE_F32) != 0 || shape_need_dtype(in, 2, DTYPE_F32) != 0 ||
		(w->dtype != DTYPE_BF16 && shape_need_dtype(in, 1, DTYPE_F32) != 0) ||
		shape_need_constant(in, 1) != 0 || shape_need_constant(in, 2) != 0 ||
		shape_need_int(in, ATTR_ACTIVATION, 0, 0, ACTIVATION_COUNT - 1) != 0)
		return -EINVAL;
	if (x->rank == 0 || w->rank != 2 || w->dims[0] != x->dims[x->rank - 1])
		return shape_refuse_pair(
			in, 0, 1, "the weights must be [K, N] for an input [..., K]");
	shape_copy(out, x);
	out->dims[out->rank - 1] = w->dims[1];
	return shape_need_vector(in, 2, w->dims[1]);
}

int shape_gemm(const struct inference *in, struct tensor *out)
{
	const struct tensor *a = shape_input(in, 0), *b = shape_input(in, 1);
	bool trans_a = node_int(in->node, ATTR_TRANS_A, 0) != 0;
	bool trans_b = node_int(in->node, ATTR_TRANS_B, 0) != 0;

	if (shape_need_f32(in) != 0)
		return -EINVAL;
	if (a->rank != 2 || b->rank != 2)
		return shape_refuse_pair(in, 0, 1, "both must have 2 dimensions");
	if (a->dims[trans_a ? 0 : 1] != b->dims[trans_b ? 1 : 0])
		return shape_refuse_pair(in, 0, 1, "the inner dimensions must be equal");
	*out = (struct tensor){
		.name = out->name, .data = out->data, .dtype = DTYPE_F32, .rank = 2
	};
	out->dims[0] = a->dims[trans_a ? 1 : 0];
	out->dims[1] = b->dims[trans_b ? 0 : 1];
	return shape_need_broadcast_to(in, 2, out);
}

// numpy's matmul: vectors are promoted to matrices and the added dimension is taken off again.
int shape_product(const struct inference *in, uint32_t i, uint32_t j, struct tensor *out)
{
	const struct tensor *a = shape_input(in, i), *b = shape_input(in, j);
	struct tensor left = { 0 }, right = { 0 }, shape = { 0 };
	int64_t k_a, k_b;

	if (a->rank == 0 || b->rank == 0)
		return shape_refuse_pair(in, i, j, "a scalar cannot be multiplied as a matrix");
	k_a = a->dims[a->rank - 1];
	k_b = b->dims[b->rank == 1 ? 0 : b->rank - 2];
	if (k_a != k_b)
		return shape_refuse_pair(in, i, j, "the inner dimensions must be equal");
	shape_copy(&left, a);
	shape_copy(&right, b);
	left.rank = a->rank > 2 ? a->rank - 2 : 0;
	right.rank = b->rank > 2 ? b->rank - 2 : 0;
	if (dims_broadcast(&shape, &left, &right) != 0)
		return shape_refuse_pair(
			in, i, j, "the leading dimensions do not broadcast to each other");
	if (a->rank > 1)
		shape.dims[shape.rank++] = a->dims[a->rank - 2];
	if (b->rank > 1)
		shape.dims[shape.rank++] = b->dims[b->rank - 1];
	shape.dtype = DTYPE_F32;
	shape_copy(out, &shape);
	return 0;
}

int shape_matmul(const struct inference *in, struct tensor *out)
{
	int rc = shape_need_f32(in);

	return rc ? rc : shape_product(in, 0, 1, out);
}
