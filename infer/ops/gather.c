// SPDX-License-Identifier: BSD-3-Clause
// Operators that take or put values by computed indices. An index counted from the end is negative;
// one that is out of range becomes the nearest that is not.
#include "infer/ops/plain.h"
#include "infer/ops/rule.h"
#include "infer/ops/values.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

// --- Shapes --------------------------------------------------------------------------------------

static int gather_need_indices(const struct inference *in, uint32_t i)
{
	const struct tensor *indices = shape_input(in, i);

	if (indices->dtype != DTYPE_I64 && indices->dtype != DTYPE_I32)
		return shape_refuse(in, "input \"%s\" is %s, should be int64 or int32",
			indices->name, dtype_name(indices->dtype));
	return 0;
}

// An axis without values has none that an index could name.
static int gather_need_some(const struct inference *in, const struct tensor *x, uint32_t d)
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

	if (gather_need_indices(in, 1) != 0 || shape_need_axis(in, x->rank, 0, &axis) != 0 ||
		gather_need_some(in, x, axis) != 0)
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

// The indices have the rank of x, and no dimension larger than that of x but along the axis.
static int gather_check_elements(const struct inference *in)
{
	const struct tensor *x = shape_input(in, 0), *indices = shape_input(in, 1);
	uint32_t axis;

	if (gather_need_indices(in, 1) != 0 || shape_need_axis(in, x->rank, 0, &axis) != 0 ||
		gather_need_some(in, x, axis) != 0)
		return -EINVAL;
	if (indices->rank != x->rank)
		return shape_refuse_pair(in, 0, 1, "they should have as many dimensions");
	for (uint32_t d = 0; d < x->rank; d++) {
		if (d != axis && indices->dims[d] > x->dims[d])
			return shape_refuse_pair(in, 0, 1, "there are more indices than positions");
	}
	return 0;
}

int shape_gather_elements(const struct inference *in, struct tensor *out)
{
	shape_copy(out, shape_input(in, 1));
	out->dtype = shape_input(in, 0)->dtype;
	return gather_check_elements(in);
}

static int gather_need_reduction(const struct inference *in)
{
	const struct tensor *x = shape_input(in, 0);

	if (shape_need_int(in, ATTR_REDUCTION, 0, 0, SCATTER_COUNT - 1) != 0)
		return -EINVAL;
	return shape_need_dtype(in, 2, x->dtype);
}

int shape_scatter_elements(const struct inference *in, struct tensor *out)
{
	const struct tensor *indices = shape_input(in, 1), *updates = shape_input(in, 2);

	if (gather_check_elements(in) != 0 || gather_need_reduction(in) != 0)
		return -EINVAL;
	if (updates->rank != indices->rank ||
		memcmp(updates->dims, indices->dims, indices->rank * sizeof(*indices->dims)) != 0)
		return shape_refuse_pair(in, 1, 2, "indices and updates differ");
	shape_copy(out, shape_input(in, 0));
	return 0;
}

// Index tuples, along the last dimension of input 1, name blocks of input 0 behind `batch`
// dimensions.
static int gather_check_tuples(const struct inference *in, uint32_t batch)
{
	const struct tensor *x = shape_input(in, 0), *indices = shape_input(in, 1);
	int64_t depth;

	if (gather_need_indices(in, 1) != 0)
		return -EINVAL;
	depth = indices->rank ? indices->dims[indices->rank - 1] : 0;
	if (depth < 1 || indices->rank <= batch || depth > (int64_t)x->rank - batch ||
		tensor_elements(indices) == 0)
		return shape_refuse_pair(in, 0, 1,
			"the last dimension of the indices should name 1 or more of the others");
	for (uint32_t d = 0; d < x->rank; d++) {
		if (d < batch && x->dims[d] != indices->dims[d])
			return shape_refuse_pair(in, 0, 1, "the batch dimensions differ");
		if (gather_need_some(in, x, d) != 0)
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
	if (gather_check_tuples(in, batch) != 0)
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

	if (gather_check_tuples(in, 0) != 0 || gather_need_reduction(in) != 0)
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

int shape_find(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *keys = shape_input(in, 1);
	const struct tensor *numbers = shape_input(in, 2);
	const bool shared = keys->rank == 1;

	if (x->dtype != DTYPE_F32 && x->dtype != DTYPE_I64)
		return shape_refuse(in, "input \"%s\" is %s, should be float32 or int64", x->name,
			dtype_name(x->dtype));
	if (shape_need_dtype(in, 1, x->dtype) != 0 || shape_need_dtype(in, 2, DTYPE_I64) != 0 ||
		shape_need_constant(in, 1) != 0 || shape_need_constant(in, 2) != 0)
		return -EINVAL;
	if ((!shared && keys->rank != x->rank + 1) ||
		(!shared && memcmp(keys->dims, x->dims, x->rank * sizeof(*x->dims)) != 0))
		return shape_refuse_pair(in, 0, 1, "should be [..] and [N] or [.., N]");
	if (numbers->rank != keys->rank ||
		memcmp(numbers->dims, keys->dims, keys->rank * sizeof(*keys->dims)) != 0)
		return shape_refuse_pair(in, 1, 2, "should be of one shape");
	shape_copy(out, x);
	out->dtype = DTYPE_I64;
	return 0;
}

// --- Values --------------------------------------------------------------------------------------

static int64_t gather_index(enum dtype dtype, const void *indices, size_t i, int64_t n)
{
	int64_t at = (int64_t)value_integer(dtype, indices, i);

	at = at < 0 ? at + n : at;
	return at < 0 ? 0 : at >= n ? n - 1 : at;
}

static void gather_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &plain->in[0], *indices = &plain->in[1];
	const size_t count = (size_t)tensor_elements(indices), bytes = dtype_bytes(in->dtype);
	size_t outer = 1, inner = 1;
	char *to = y[0];
	uint32_t axis = 0;

	node_axis(plain->node, in->rank, 0, &axis);
	for (uint32_t d = 0; d < in->rank; d++)
		*(d < axis ? &outer : &inner) *= d == axis ? 1 : (size_t)in->dims[d];
	for (size_t o = 0; o < outer; o++) {
		for (size_t i = 0; i < count; i++, to += inner * bytes) {
			const size_t at =
				(size_t)gather_index(indices->dtype, x[1], i, in->dims[axis]);

			memcpy(to,
				(const char *)x[0] +
					((o * (size_t)in->dims[axis] + at) * inner) * bytes,
				inner * bytes);
		}
	}
}

// The indices have the output's shape, and each is a position along the axis.
static void gather_elements_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &plain->in[0], *indices = &plain->in[1];
	const size_t bytes = dtype_bytes(in->dtype);
	int64_t strides[GRAPH_RANK_MAX];
	char *to = y[0];
	uint32_t axis = 0;
	struct walk walk;

	node_axis(plain->node, in->rank, 0, &axis);
	tensor_strides(in, strides);
	walk_init(&walk, indices);
	for (size_t i = 0; walk.left > 0; walk_next(&walk), i++, to += bytes) {
		int64_t at = 0;

		for (uint32_t d = 0; d < walk.rank; d++)
			at += strides[d] *
				(d == axis ? gather_index(indices->dtype, x[1], i, in->dims[d])
					   : walk.index[d]);
		memcpy(to, (const char *)x[0] + (size_t)at * bytes, bytes);
	}
}

// The block that index tuple i names in a tensor: offset and length in values.
struct gather_block {
	int64_t at, length;
};
static struct gather_block gather_block(const struct tensor *in, const struct tensor *indices,
	const void *values, size_t i, uint32_t batch)
{
	const int64_t depth = indices->dims[indices->rank - 1];
	int64_t strides[GRAPH_RANK_MAX];
	struct gather_block block = { 0, 1 };

	tensor_strides(in, strides);
	for (int64_t k = 0; k < depth; k++) {
		const uint32_t d = batch + (uint32_t)k;

		block.at += strides[d] *
			gather_index(
				indices->dtype, values, i * (size_t)depth + (size_t)k, in->dims[d]);
	}
	for (uint32_t d = batch + (uint32_t)depth; d < in->rank; d++)
		block.length *= in->dims[d];
	return block;
}

static void gather_nd_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &plain->in[0], *indices = &plain->in[1];
	const uint32_t batch = (uint32_t)node_int(plain->node, ATTR_BATCH_DIMS, 0);
	const size_t bytes = dtype_bytes(in->dtype);
	const size_t tuples = (size_t)(tensor_elements(indices) / indices->dims[indices->rank - 1]);
	size_t batches = 1, batch_values = 1;
	char *to = y[0];

	for (uint32_t d = 0; d < in->rank; d++)
		*(d < batch ? &batches : &batch_values) *= (size_t)in->dims[d];
	for (size_t i = 0; i < tuples; i++) {
		const struct gather_block block = gather_block(in, indices, x[1], i, batch);
		const size_t from = i / (tuples / batches) * batch_values + (size_t)block.at;

		memcpy(to, (const char *)x[0] + from * bytes, (size_t)block.length * bytes);
		to += (size_t)block.length * bytes;
	}
}

static void scatter_put(enum dtype dtype, enum scatter_reduction how, void *y, size_t to,
	const void *x, size_t from)
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

static void scatter_elements_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &plain->in[0], *indices = &plain->in[1];
	const enum scatter_reduction how =
		(enum scatter_reduction)node_int(plain->node, ATTR_REDUCTION, SCATTER_NONE);
	int64_t strides[GRAPH_RANK_MAX];
	uint32_t axis = 0;
	struct walk walk;

	node_axis(plain->node, in->rank, 0, &axis);
	memcpy(y[0], x[0], tensor_bytes(in));
	tensor_strides(in, strides);
	walk_init(&walk, indices);
	for (size_t i = 0; walk.left > 0; walk_next(&walk), i++) {
		int64_t at = 0;

		for (uint32_t d = 0; d < walk.rank; d++)
			at += strides[d] *
				(d == axis ? gather_index(indices->dtype, x[1], i, in->dims[d])
					   : walk.index[d]);
		scatter_put(in->dtype, how, y[0], (size_t)at, x[2], i);
	}
}

static void scatter_nd_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &plain->in[0], *indices = &plain->in[1];
	const enum scatter_reduction how =
		(enum scatter_reduction)node_int(plain->node, ATTR_REDUCTION, SCATTER_NONE);
	const size_t tuples = (size_t)(tensor_elements(indices) / indices->dims[indices->rank - 1]);

	memcpy(y[0], x[0], tensor_bytes(in));
	for (size_t i = 0; i < tuples; i++) {
		const struct gather_block block = gather_block(in, indices, x[1], i, 0);

		for (int64_t k = 0; k < block.length; k++)
			scatter_put(in->dtype, how, y[0], (size_t)(block.at + k), x[2],
				i * (size_t)block.length + (size_t)k);
	}
}

// x[0]: indices; x[1]: the values for "off" and "on". The output's axis has DEPTH positions.
static void one_hot_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *out = &plain->out[0];
	const int64_t depth = node_int(plain->node, ATTR_DEPTH, 0);
	const size_t bytes = dtype_bytes(out->dtype), all = tensor_bytes(out);
	size_t inner = 1, count = (size_t)tensor_elements(&plain->in[0]);
	uint32_t axis = 0;

	node_axis(plain->node, out->rank, -1, &axis);
	for (uint32_t d = axis + 1; d < out->rank; d++)
		inner *= (size_t)out->dims[d];
	if (all > 0)
		memcpy(y[0], x[1], bytes);
	for (size_t done = bytes; done < all; done *= 2) // what is there is doubled
		memcpy((char *)y[0] + done, y[0], done < all - done ? done : all - done);
	for (size_t i = 0; i < count; i++) {
		// A double: indices beyond any integer, and NaN, are out of range.
		double at = trunc(value_number(plain->in[0].dtype, x[0], i));

		at = at < 0 ? at + (double)depth : at;
		if (!(at >= 0 && at < (double)depth))
			continue;
		memcpy((char *)y[0] +
				((i / inner * (size_t)depth + (size_t)at) * inner + i % inner) *
					bytes,
			(const char *)x[1] + bytes, bytes);
	}
}

// What is looked for among keys, of one kind or the other.
struct find {
	const float *reals; // NULL: whole numbers
	const int64_t *wholes;
	float real;
	int64_t whole;
};

static inline bool find_is(const struct find *find, size_t at)
{
	return find->reals ? find->reals[at] == find->real : find->wholes[at] == find->whole;
}

static inline bool find_is_below(const struct find *find, size_t at)
{
	return find->reals ? find->reals[at] < find->real : find->wholes[at] < find->whole;
}

// The place among n ascending keys; n: it is none. Keys are mostly whole numbers without a gap: `guess`
// is tried first, which may be n or more.
static size_t find_place(const struct find *find, size_t n, uint64_t guess)
{
	size_t low = 0, high = n;

	if (guess < n && find_is(find, (size_t)guess))
		return (size_t)guess;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (find_is_below(find, middle))
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && find_is(find, low) ? low : n;
}

// The last of the keys may be NaN.
static size_t find_float(const float *keys, size_t n, float x)
{
	const struct find find = { .reals = keys, .real = x };
	uint64_t guess = n;

	if (n == 0)
		return 0;
	if (isnan(x))
		return isnan(keys[n - 1]) ? n - 1 : n;
	if (x >= keys[0] && x - keys[0] < (float)n)
		guess = (uint64_t)(x - keys[0]);
	return find_place(&find, n, guess);
}

static size_t find_integer(const int64_t *keys, size_t n, int64_t x)
{
	const struct find find = { .wholes = keys, .whole = x };
	const bool is_behind = n > 0 && x >= keys[0];

	return find_place(&find, n, is_behind ? (uint64_t)x - (uint64_t)keys[0] : n);
}

static void find_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *keys = &plain->in[1];
	const size_t count = (size_t)tensor_elements(&plain->in[0]);
	const size_t n = (size_t)keys->dims[keys->rank - 1], step = keys->rank == 1 ? 0 : n;

	for (size_t i = 0; i < count; i++) {
		const size_t at = keys->dtype == DTYPE_F32
			? find_float((const float *)x[1] + i * step, n, ((const float *)x[0])[i])
			: find_integer(
				  (const int64_t *)x[1] + i * step, n, ((const int64_t *)x[0])[i]);

		((int64_t *)y[0])[i] = at < n ? ((const int64_t *)x[2])[i * step + at] : (int64_t)n;
	}
}

static uint64_t find_work(const struct plain *plain)
{
	const struct tensor *keys = &plain->in[1];
	uint64_t halves = 2;

	for (int64_t n = keys->dims[keys->rank - 1]; n > 1; n /= 2)
		halves++;
	return (uint64_t)tensor_elements(&plain->in[0]) * halves;
}

const struct plain_op plain_gather = { .run = gather_plain };
const struct plain_op plain_gather_elements = { .run = gather_elements_plain };
const struct plain_op plain_gather_nd = { .run = gather_nd_plain };
const struct plain_op plain_scatter_elements = { .run = scatter_elements_plain };
const struct plain_op plain_scatter_nd = { .run = scatter_nd_plain };
const struct plain_op plain_one_hot = { .run = one_hot_plain };
const struct plain_op plain_find = { .run = find_plain, .work = find_work };
