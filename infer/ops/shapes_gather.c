// SPDX-License-Identifier: BSD-3-Clause
// Operators that take or put values by computed places.
#include "infer/ops/rule.h"

#include <inttypes.h>
#include <string.h>

static int need_indices(const struct inference *in, uint32_t i)
{
	const struct tensor *indices = shape_input(in, i);

	if (indices->dtype != DTYPE_I64 && indices->dtype != DTYPE_I32)
		return shape_refuse(in, "input \"%s\" is %s, should be int64 or int32",
			indices->name, dtype_name(indices->dtype));
	return 0;
}

// Nothing is found where there is nothing.
static int need_some(const struct inference *in, const struct tensor *x, uint32_t d)
{
	if (x->dims[d] == 0)
		return shape_refuse(in, "input %s has nothing along dimension %" PRIu32,
			tensor_shape_text(x).text, d);
	return 0;
}

int shape_gather(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *indices = shape_input(in, 1);
	struct tensor made = { .dtype = x->dtype };
	uint32_t axis;

	if (need_indices(in, 1) != 0 || shape_need_axis(in, x->rank, 0, &axis) != 0 ||
		need_some(in, x, axis) != 0)
		return -EINVAL;
	if (x->rank - 1 + indices->rank > GRAPH_RANK_MAX)
		return shape_refuse(in, "the output has more than %d dimensions", GRAPH_RANK_MAX);
	for (uint32_t d = 0; d < x->rank; d++) {
		if (d != axis)
			made.dims[made.rank++] = x->dims[d];
		for (uint32_t k = 0; d == axis && k < indices->rank; k++)
			made.dims[made.rank++] = indices->dims[k];
	}
	shape_copy(out, &made);
	return 0;
}

// Indices as many-dimensional as x, and nowhere larger but along the axis.
static int check_elements(const struct inference *in)
{
	const struct tensor *x = shape_input(in, 0), *indices = shape_input(in, 1);
	uint32_t axis;

	if (need_indices(in, 1) != 0 || shape_need_axis(in, x->rank, 0, &axis) != 0 ||
		need_some(in, x, axis) != 0)
		return -EINVAL;
	if (indices->rank != x->rank)
		return shape_refuse_pair(in, 0, 1, "they should have as many dimensions");
	for (uint32_t d = 0; d < x->rank; d++) {
		if (d != axis && indices->dims[d] > x->dims[d])
			return shape_refuse_pair(in, 0, 1, "there are more indices than places");
	}
	return 0;
}

int shape_gather_elements(const struct inference *in, struct tensor *out)
{
	shape_copy(out, shape_input(in, 1));
	out->dtype = shape_input(in, 0)->dtype;
	return check_elements(in);
}

static int need_reduction(const struct inference *in)
{
	const struct tensor *x = shape_input(in, 0);

	if (shape_need_int(in, ATTR_REDUCTION, 0, 0, SCATTER_COUNT - 1) != 0)
		return -EINVAL;
	return shape_need_dtype(in, 2, x->dtype);
}

int shape_scatter_elements(const struct inference *in, struct tensor *out)
{
	const struct tensor *indices = shape_input(in, 1), *updates = shape_input(in, 2);

	if (check_elements(in) != 0 || need_reduction(in) != 0)
		return -EINVAL;
	if (updates->rank != indices->rank ||
		memcmp(updates->dims, indices->dims, indices->rank * sizeof(*indices->dims)) != 0)
		return shape_refuse_pair(in, 1, 2, "indices and updates differ");
	shape_copy(out, shape_input(in, 0));
	return 0;
}

// Tuples of indices, the last dimension of input 1, name blocks of input 0 behind `batch` dims.
static int check_tuples(const struct inference *in, uint32_t batch)
{
	const struct tensor *x = shape_input(in, 0), *indices = shape_input(in, 1);
	int64_t depth;

	if (need_indices(in, 1) != 0)
		return -EINVAL;
	depth = indices->rank ? indices->dims[indices->rank - 1] : 0;
	if (depth < 1 || indices->rank <= batch || depth > (int64_t)x->rank - batch ||
		tensor_elements(indices) == 0)
		return shape_refuse_pair(in, 0, 1,
			"the last dimension of the indices should name 1 or more of the others");
	for (uint32_t d = 0; d < x->rank; d++) {
		if (d < batch && x->dims[d] != indices->dims[d])
			return shape_refuse_pair(in, 0, 1, "the batch dimensions differ");
		if (need_some(in, x, d) != 0)
			return -EINVAL;
	}
	return 0;
}

int shape_gather_nd(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *indices = shape_input(in, 1);
	struct tensor made = { .dtype = x->dtype };
	uint32_t batch, depth;

	if (shape_need_int(in, ATTR_BATCH_DIMS, 0, 0, (int64_t)x->rank - 1) != 0)
		return -EINVAL;
	batch = (uint32_t)node_int(in->node, ATTR_BATCH_DIMS, 0);
	if (check_tuples(in, batch) != 0)
		return -EINVAL;
	depth = (uint32_t)indices->dims[indices->rank - 1];
	if (indices->rank - 1 + x->rank - batch - depth > GRAPH_RANK_MAX)
		return shape_refuse(in, "the output has more than %d dimensions", GRAPH_RANK_MAX);
	for (uint32_t d = 0; d + 1 < indices->rank; d++)
		made.dims[made.rank++] = indices->dims[d];
	for (uint32_t d = batch + depth; d < x->rank; d++)
		made.dims[made.rank++] = x->dims[d];
	shape_copy(out, &made);
	return 0;
}

int shape_scatter_nd(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *indices = shape_input(in, 1);
	const struct tensor *updates = shape_input(in, 2);
	uint32_t depth, rank;

	if (check_tuples(in, 0) != 0 || need_reduction(in) != 0)
		return -EINVAL;
	depth = (uint32_t)indices->dims[indices->rank - 1];
	rank = indices->rank - 1 + x->rank - depth;
	for (uint32_t d = 0; d < rank; d++) {
		const int64_t dim = d + 1 < indices->rank
			? indices->dims[d]
			: x->dims[depth + d - (indices->rank - 1)];

		if (updates->rank != rank || updates->dims[d] != dim)
			return shape_refuse_pair(in, 1, 2,
				"the updates should have a block for each tuple of indices");
	}
	if (updates->rank != rank)
		return shape_refuse_pair(
			in, 1, 2, "the updates should have a block for each tuple of indices");
	shape_copy(out, x);
	return 0;
}

int shape_one_hot(const struct inference *in, struct tensor *out)
{
	const struct tensor *indices = shape_input(in, 0), *values = shape_input(in, 1);
	struct tensor made = { .dtype = values->dtype, .rank = indices->rank + 1 };
	uint32_t axis;

	if (values->rank != 1 || values->dims[0] != 2)
		return shape_refuse(
			in, "input 1 %s should be [2]: off and on", tensor_shape_text(values).text);
	if (shape_need_int(in, ATTR_DEPTH, 0, 1, GRAPH_ELEMENTS_MAX) != 0 ||
		made.rank > GRAPH_RANK_MAX || shape_need_axis(in, made.rank, -1, &axis) != 0)
		return shape_refuse(in,
			"depth or axis are out of range, or there are more than %d dimensions",
			GRAPH_RANK_MAX);
	for (uint32_t d = 0, from = 0; d < made.rank; d++)
		made.dims[d] =
			d == axis ? node_int(in->node, ATTR_DEPTH, 0) : indices->dims[from++];
	shape_copy(out, &made);
	return 0;
}
