// SPDX-License-Identifier: BSD-3-Clause
// Reductions and what else goes along axes: ArgMax, CumSum, TopK.
#include "infer/ops/plain.h"
#include "infer/ops/rule.h"
#include "infer/ops/values.h"

#include <math.h>
#include <string.h>

// --- Shapes --------------------------------------------------------------------------------------

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

// Checks AXES, which are counted from the front and name each axis once; left out: all axes.
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

	return rc != 0 ? rc : shape_need_axis(in, shape_input(in, 0)->rank, -1, &axis);
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

// --- Values --------------------------------------------------------------------------------------

// Does a come before b, the best so far? NaN comes before all numbers, as in NumPy.
static bool arg_is_better(enum op op, double a, double b, bool last)
{
	if (isnan(b))
		return last && isnan(a);
	if (isnan(a))
		return true;
	if (a == b)
		return last;
	return op == OP_ARG_MAX ? a > b : a < b;
}

// The index of the largest, or smallest, value along the axis.
static void arg_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &plain->in[0];
	const bool last = node_int(plain->node, ATTR_LAST, 0) != 0;
	int64_t *to = y[0], inner = 1, outer = 1, n;
	uint32_t axis = 0;

	node_axis(plain->node, in->rank, 0, &axis); // the shape rule has seen to it
	for (uint32_t d = 0; d < in->rank; d++)
		*(d < axis ? &outer : &inner) *= d == axis ? 1 : in->dims[d];
	n = in->dims[axis];
	for (int64_t o = 0; o < outer; o++) {
		for (int64_t i = 0; i < inner; i++) {
			const int64_t at = o * n * inner + i;
			int64_t best = 0;

			for (int64_t k = 1; k < n; k++) {
				if (arg_is_better(plain->node->op,
					    value_number(in->dtype, x[0], (size_t)(at + k * inner)),
					    value_number(
						    in->dtype, x[0], (size_t)(at + best * inner)),
					    last))
					best = k;
			}
			*to++ = best;
		}
	}
}

// --- Reduce* ------------------------------------------------------------------------------------

struct sum {
	double value, most; // most: the largest one, for LogSumExp
	size_t count;
};

static void reduce_float(enum op op, struct sum *s, double x)
{
	switch (op) {
	case OP_REDUCE_L1:
		s->value += fabs(x);
		break;
	case OP_REDUCE_L2:
	case OP_REDUCE_SUM_SQUARE:
		s->value += x * x;
		break;
	case OP_REDUCE_PROD:
		s->value = s->count ? s->value * x : x;
		break;
	case OP_REDUCE_MAX:
		s->value = s->count == 0 || x > s->value || isnan(x) ? x : s->value;
		break;
	case OP_REDUCE_MIN:
		s->value = s->count == 0 || x < s->value || isnan(x) ? x : s->value;
		break;
	case OP_REDUCE_LOG_SUM_EXP:
		if (s->count == 0 || x > s->most) {
			s->value = s->count ? s->value * exp(s->most - x) : 0;
			s->most = x;
		}
		s->value += isinf(x) ? x == s->most : exp(x - s->most);
		break;
	default: // Sum, Mean, LogSum
		s->value += x;
	}
	s->count++;
}

static double reduce_finish(enum op op, const struct sum *s)
{
	switch (op) {
	case OP_REDUCE_MEAN:
		return s->value / (double)s->count;
	case OP_REDUCE_L2:
		return sqrt(s->value);
	case OP_REDUCE_LOG_SUM:
		return log(s->value);
	case OP_REDUCE_LOG_SUM_EXP:
		return s->most + log(s->value);
	default:
		return s->value;
	}
}

// The same of integers, which wrap; *value is the result so far.
static void reduce_integer(enum op op, enum dtype dtype, uint64_t *value, bool first, uint64_t x)
{
	const bool negative = dtype_is_signed(dtype) && (int64_t)x < 0;
	const bool less = dtype_is_signed(dtype) ? (int64_t)x < (int64_t)*value : x < *value;

	switch (op) {
	case OP_REDUCE_L1:
		*value += negative ? -x : x;
		break;
	case OP_REDUCE_SUM_SQUARE:
		*value += x * x;
		break;
	case OP_REDUCE_PROD:
		*value = first ? x : *value * x;
		break;
	case OP_REDUCE_MAX:
		*value = first || !less ? x : *value;
		break;
	case OP_REDUCE_MIN:
		*value = first || less ? x : *value;
		break;
	default:
		*value += x;
	}
}

// Begins the walk over the values that are reduced to one: the reduced axes of x from offset `at`.
static void reduce_walk(struct walk *inner, const struct plain *plain, uint32_t axes)
{
	const struct tensor *in = &plain->in[0];
	struct tensor reduced = { .rank = in->rank };
	int64_t strides[GRAPH_RANK_MAX];

	tensor_strides(in, strides);
	for (uint32_t d = 0; d < in->rank; d++)
		reduced.dims[d] = axes >> d & 1 ? in->dims[d] : 1;
	walk_init(inner, &reduced);
	for (uint32_t d = 0; d < in->rank; d++)
		inner->stride[0][d] = strides[d];
}

static uint32_t reduce_axes(const struct plain *plain)
{
	const struct attr *axes = node_attr(plain->node, ATTR_AXES);
	uint32_t mask = 0;

	for (uint32_t i = 0; axes && i < axes->count; i++)
		mask |= 1u << axes->ints[i];
	return axes ? mask : (1u << plain->in[0].rank) - 1;
}

static void reduce_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &plain->in[0];
	const enum op op = plain->node->op;
	const enum dtype dtype = in->dtype;
	const uint32_t axes = reduce_axes(plain);
	struct tensor kept = { .rank = in->rank };
	int64_t strides[GRAPH_RANK_MAX];
	struct walk outer, inner, first;

	tensor_strides(in, strides);
	for (uint32_t d = 0; d < in->rank; d++)
		kept.dims[d] = axes >> d & 1 ? 1 : in->dims[d];
	walk_init(&outer, &kept);
	for (uint32_t d = 0; d < in->rank; d++)
		outer.stride[0][d] = strides[d];
	reduce_walk(&first, plain, axes);
	for (size_t i = 0; outer.left > 0; walk_next(&outer), i++) {
		struct sum sum = { 0 };
		uint64_t whole = 0;
		bool is_first = true;

		for (inner = first; inner.left > 0; walk_next(&inner), is_first = false) {
			const size_t at = (size_t)(outer.at[0] + inner.at[0]);

			if (dtype_is_float(dtype))
				reduce_float(op, &sum, value_number(dtype, x[0], at));
			else
				reduce_integer(op, dtype, &whole, is_first,
					value_integer(dtype, x[0], at));
		}
		if (dtype_is_float(dtype))
			value_set_number(dtype, y[0], i, reduce_finish(op, &sum));
		else
			value_set_integer(dtype, y[0], i, whole);
	}
}

// --- Along one axis -----------------------------------------------------------------------------

struct lines { // values `step` apart along the axis, `n` of them, in outer * inner lines
	int64_t outer, n, inner;
};

static struct lines reduce_lines(const struct plain *plain)
{
	const struct tensor *in = &plain->in[0];
	struct lines lines = { 1, 1, 1 };
	uint32_t axis = 0;

	node_axis(plain->node, in->rank, -1, &axis);
	for (uint32_t d = 0; d < in->rank; d++)
		*(d < axis ? &lines.outer : d == axis ? &lines.n : &lines.inner) *= in->dims[d];
	return lines;
}

// EXCLUSIVE: without the value itself; REVERSE: from the end.
static void cum_sum_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const bool exclusive = node_int(plain->node, ATTR_EXCLUSIVE, 0) != 0;
	const bool reverse = node_int(plain->node, ATTR_REVERSE, 0) != 0;
	const enum dtype dtype = plain->in[0].dtype;
	const struct lines lines = reduce_lines(plain);

	for (int64_t line = 0; line < lines.outer * lines.inner; line++) {
		const int64_t first =
			line / lines.inner * lines.n * lines.inner + line % lines.inner;
		double sum = 0;
		uint64_t whole = 0;

		for (int64_t k = 0; k < lines.n; k++) {
			const size_t at =
				(size_t)(first + (reverse ? lines.n - 1 - k : k) * lines.inner);

			if (dtype_is_float(dtype)) {
				const double value = value_number(dtype, x[0], at);

				value_set_number(dtype, y[0], at, exclusive ? sum : sum + value);
				sum += value;
			} else {
				const uint64_t value = value_integer(dtype, x[0], at);

				value_set_integer(
					dtype, y[0], at, exclusive ? whole : whole + value);
				whole += value;
			}
		}
	}
}

// Does a come before b among the largest (or smallest)? Of equal ones the first, NaN as the
// largest.
static bool top_k_before(double a, double b, int64_t ia, int64_t ib, bool largest)
{
	if (isnan(a) || isnan(b))
		return isnan(a) && isnan(b) ? ia < ib : isnan(a) == largest;
	return a == b ? ia < ib : largest ? a > b : a < b;
}

struct top_k_entry {
	double value;
	int64_t index;
};

// Entry `at` of a heap, whose root comes after all others, may come before its children: it sinks to
// where it belongs.
static void top_k_sink(struct top_k_entry *heap, int64_t n, int64_t at, bool largest)
{
	const struct top_k_entry entry = heap[at];

	for (int64_t child = 2 * at + 1; child < n; child = 2 * at + 1) {
		if (child + 1 < n &&
			top_k_before(heap[child].value, heap[child + 1].value, heap[child].index,
				heap[child + 1].index, largest))
			child++;
		if (top_k_before(heap[child].value, entry.value, heap[child].index, entry.index,
			    largest))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = entry;
}

// The K first along the axis, in order: a heap holds the K first so far. y[1]: where they were.
static void top_k_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const bool largest = node_int(plain->node, ATTR_LARGEST, 1) != 0;
	const int64_t k = node_int(plain->node, ATTR_K, 0);
	const enum dtype dtype = plain->in[0].dtype;
	const struct lines lines = reduce_lines(plain);
	struct top_k_entry *heap = scratch;

	for (int64_t line = 0; line < lines.outer * lines.inner; line++) {
		const int64_t from = line / lines.inner, in = line % lines.inner;

		for (int64_t i = 0; i < lines.n; i++) {
			const struct top_k_entry entry = {
				value_number(dtype, x[0],
					(size_t)((from * lines.n + i) * lines.inner + in)),
				i,
			};

			if (i >= k &&
				!top_k_before(
					entry.value, heap[0].value, i, heap[0].index, largest))
				continue;
			heap[i < k ? i : 0] = entry;
			if (i >= k)
				top_k_sink(heap, k, 0, largest);
			for (int64_t at = k / 2; i == k - 1 && at-- > 0;)
				top_k_sink(heap, k, at, largest);
		}
		for (int64_t left = k; left-- > 0;) { // the last of those left comes out
			const size_t to = (size_t)((from * k + left) * lines.inner + in);

			if (y[0])
				value_set_number(dtype, y[0], to, heap[0].value);
			if (plain->n_out > 1 && y[1])
				((int64_t *)y[1])[to] = heap[0].index;
			heap[0] = heap[left];
			top_k_sink(heap, left, 0, largest);
		}
	}
}

static size_t top_k_scratch_bytes(const struct plain *plain)
{
	return (size_t)node_int(plain->node, ATTR_K, 0) * sizeof(struct top_k_entry);
}

// Few entries enter the heap; where all do, each sinks through its levels.
static uint64_t top_k_work(const struct plain *plain)
{
	uint64_t levels = 1;

	for (int64_t k = node_int(plain->node, ATTR_K, 0); k > 1; k /= 2)
		levels++;
	return (uint64_t)tensor_elements(&plain->in[0]) * levels;
}

const struct plain_op plain_arg = { .run = arg_plain };
const struct plain_op plain_reduce = { .run = reduce_plain };
const struct plain_op plain_cum_sum = { .run = cum_sum_plain };
const struct plain_op plain_top_k = {
	.run = top_k_plain,
	.scratch_bytes = top_k_scratch_bytes,
	.work = top_k_work,
};
