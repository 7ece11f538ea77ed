// SPDX-License-Identifier: BSD-3-Clause
// Operators that take or put values by computed places. A place counted from the end is negative;
// one that is not there is the nearest that is.
#include "infer/ops/plain.h"
#include "infer/ops/values.h"

#include <math.h>
#include <string.h>

static int64_t place(enum dtype dtype, const void *indices, size_t i, int64_t n)
{
	int64_t at = (int64_t)value_integer(dtype, indices, i);

	at = at < 0 ? at + n : at;
	return at < 0 ? 0 : at >= n ? n - 1 : at;
}

void general_gather(
	const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &general->in[0], *indices = &general->in[1];
	const size_t count = (size_t)tensor_elements(indices), bytes = dtype_bytes(in->dtype);
	size_t outer = 1, inner = 1;
	char *to = y[0];
	uint32_t axis = 0;

	(void)scratch;
	op_axis(general->node, in->rank, 0, &axis);
	for (uint32_t d = 0; d < in->rank; d++)
		*(d < axis ? &outer : &inner) *= d == axis ? 1 : (size_t)in->dims[d];
	for (size_t o = 0; o < outer; o++) {
		for (size_t i = 0; i < count; i++, to += inner * bytes) {
			const size_t at = (size_t)place(indices->dtype, x[1], i, in->dims[axis]);

			memcpy(to,
				(const char *)x[0] +
					((o * (size_t)in->dims[axis] + at) * inner) * bytes,
				inner * bytes);
		}
	}
}

// Indices have the output's shape and name the place along the axis.
void general_gather_elements(
	const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &general->in[0], *indices = &general->in[1];
	const size_t bytes = dtype_bytes(in->dtype);
	int64_t strides[GRAPH_RANK_MAX];
	char *to = y[0];
	uint32_t axis = 0;
	struct walk walk;

	(void)scratch;
	op_axis(general->node, in->rank, 0, &axis);
	tensor_strides(in, strides);
	walk_init(&walk, indices);
	for (size_t i = 0; walk.left > 0; walk_next(&walk), i++, to += bytes) {
		int64_t at = 0;

		for (uint32_t d = 0; d < walk.rank; d++)
			at += strides[d] *
				(d == axis ? place(indices->dtype, x[1], i, in->dims[d])
					   : walk.index[d]);
		memcpy(to, (const char *)x[0] + (size_t)at * bytes, bytes);
	}
}

// The block that index tuple i names in a tensor: offset and length in values.
struct block {
	int64_t at, length;
};
static struct block find_block(const struct tensor *in, const struct tensor *indices,
	const void *values, size_t i, uint32_t batch)
{
	const int64_t depth = indices->dims[indices->rank - 1];
	int64_t strides[GRAPH_RANK_MAX];
	struct block block = { 0, 1 };

	tensor_strides(in, strides);
	for (int64_t k = 0; k < depth; k++) {
		const uint32_t d = batch + (uint32_t)k;

		block.at += strides[d] *
			place(indices->dtype, values, i * (size_t)depth + (size_t)k, in->dims[d]);
	}
	for (uint32_t d = batch + (uint32_t)depth; d < in->rank; d++)
		block.length *= in->dims[d];
	return block;
}

void general_gather_nd(
	const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &general->in[0], *indices = &general->in[1];
	const uint32_t batch = (uint32_t)node_int(general->node, ATTR_BATCH_DIMS, 0);
	const size_t bytes = dtype_bytes(in->dtype);
	const size_t tuples = (size_t)(tensor_elements(indices) / indices->dims[indices->rank - 1]);
	size_t batches = 1, batch_values = 1;
	char *to = y[0];

	(void)scratch;
	for (uint32_t d = 0; d < in->rank; d++)
		*(d < batch ? &batches : &batch_values) *= (size_t)in->dims[d];
	for (size_t i = 0; i < tuples; i++) {
		const struct block block = find_block(in, indices, x[1], i, batch);
		const size_t from = i / (tuples / batches) * batch_values + (size_t)block.at;

		memcpy(to, (const char *)x[0] + from * bytes, (size_t)block.length * bytes);
		to += (size_t)block.length * bytes;
	}
}

static void put(enum dtype dtype, enum scatter_reduction how, void *y, size_t to, const void *x,
	size_t from)
{
	const size_t bytes = dtype_bytes(dtype);
	double a, b;

	if (how == SCATTER_NONE) {
		memcpy((char *)y + to * bytes, (const char *)x + from * bytes, bytes);
		return;
	}
	if (!dtype_is_float(dtype) && (how == SCATTER_ADD || how == SCATTER_MUL)) {
		const uint64_t p = value_integer(dtype, y, to), q = value_integer(dtype, x, from);

		value_set_integer(dtype, y, to, how == SCATTER_ADD ? p + q : p * q);
		return;
	}
	a = value_number(dtype, y, to);
	b = value_number(dtype, x, from);
	value_set_number(dtype, y, to,
		how == SCATTER_ADD           ? a + b
			: how == SCATTER_MUL ? a * b
			: how == SCATTER_MIN ? (b < a ? b : a)
					     : (b > a ? b : a));
}

void general_scatter_elements(
	const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &general->in[0], *indices = &general->in[1];
	const enum scatter_reduction how =
		(enum scatter_reduction)node_int(general->node, ATTR_REDUCTION, SCATTER_NONE);
	int64_t strides[GRAPH_RANK_MAX];
	uint32_t axis = 0;
	struct walk walk;

	(void)scratch;
	op_axis(general->node, in->rank, 0, &axis);
	memcpy(y[0], x[0], tensor_bytes(in));
	tensor_strides(in, strides);
	walk_init(&walk, indices);
	for (size_t i = 0; walk.left > 0; walk_next(&walk), i++) {
		int64_t at = 0;

		for (uint32_t d = 0; d < walk.rank; d++)
			at += strides[d] *
				(d == axis ? place(indices->dtype, x[1], i, in->dims[d])
					   : walk.index[d]);
		put(in->dtype, how, y[0], (size_t)at, x[2], i);
	}
}

void general_scatter_nd(
	const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &general->in[0], *indices = &general->in[1];
	const enum scatter_reduction how =
		(enum scatter_reduction)node_int(general->node, ATTR_REDUCTION, SCATTER_NONE);
	const size_t tuples = (size_t)(tensor_elements(indices) / indices->dims[indices->rank - 1]);

	(void)scratch;
	memcpy(y[0], x[0], tensor_bytes(in));
	for (size_t i = 0; i < tuples; i++) {
		const struct block block = find_block(in, indices, x[1], i, 0);

		for (int64_t k = 0; k < block.length; k++)
			put(in->dtype, how, y[0], (size_t)(block.at + k), x[2],
				i * (size_t)block.length + (size_t)k);
	}
}

// x: indices; x[1]: the values for "off" and "on". DEPTH places along the output's axis.
void general_one_hot(
	const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *out = &general->out[0];
	const int64_t depth = node_int(general->node, ATTR_DEPTH, 0);
	const size_t bytes = dtype_bytes(out->dtype);
	size_t inner = 1, count = (size_t)tensor_elements(&general->in[0]);
	uint32_t axis = 0;

	(void)scratch;
	op_axis(general->node, out->rank, -1, &axis);
	for (uint32_t d = axis + 1; d < out->rank; d++)
		inner *= (size_t)out->dims[d];
	for (size_t i = 0; i < count; i++) {
		int64_t at = (int64_t)value_number(general->in[0].dtype, x[0], i);

		at = at < 0 ? at + depth : at;
		for (int64_t k = 0; k < depth; k++) {
			const size_t to =
				(i / inner * (size_t)depth + (size_t)k) * inner + i % inner;

			memcpy((char *)y[0] + to * bytes,
				(const char *)x[1] + (at == k ? bytes : 0), bytes);
		}
	}
}
