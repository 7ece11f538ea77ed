// SPDX-License-Identifier: BSD-3-Clause
// MaxPool, AveragePool and LpPool of one to three dimensions.
#include "infer/graph/window.h"
#include "infer/ops/plain.h"
#include "infer/ops/rule.h"
#include "infer/ops/values.h"

#include <math.h>

// --- Shapes --------------------------------------------------------------------------------------

int shape_pool(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);

	if (in->node->op == OP_MAX_POOL
			? x->dtype != DTYPE_F32 && x->dtype != DTYPE_U8 && x->dtype != DTYPE_I8
			: x->dtype != DTYPE_F32)
		return shape_refuse(in, "input \"%s\" is %s, which is not pooled", x->name,
			dtype_name(x->dtype));
	if (shape_need_int(in, ATTR_P, 2, 1, INT32_MAX) != 0 || shape_windows(in, out) != 0)
		return -EINVAL;
	if (in->node->n_outputs > 1) {
		shape_copy(&out[1], out);
		out[1].dtype = DTYPE_I64;
	}
	return 0;
}

// --- Values --------------------------------------------------------------------------------------

struct pool_plain {
	struct window window;
	enum op op;
	double p;
	bool count_pad, column_major;
	enum dtype dtype;
};

struct pooled {
	double value;
	int64_t at[WINDOW_DIMS]; // the position of the largest
	int64_t seen;            // positions in the window with a value
	double padded; // the same with the padding: of three dimensions too many to be whole
};

// Taps beyond what the window lies on cost nothing.
static uint64_t pool_work(const struct plain *plain)
{
	const struct attr *kernel = node_attr(plain->node, ATTR_KERNEL_SHAPE);
	const struct tensor *x = &plain->in[0];
	uint64_t work = (uint64_t)tensor_elements(&plain->out[0]);

	for (uint32_t d = 0; d < kernel->count; d++) {
		const int64_t most = x->dims[x->rank - kernel->count + d];
		const int64_t taps = kernel->ints[d] < most ? kernel->ints[d] : most;

		if (work > UINT64_MAX / 2 / (uint64_t)(taps + 1))
			return UINT64_MAX / 2;
		work *= (uint64_t)taps;
	}
	return work;
}

static void pool_take(
	const struct pool_plain *pool, struct pooled *pooled, double value, const int64_t *at)
{
	pooled->seen++;
	if (pool->op == OP_AVERAGE_POOL) {
		pooled->value += value;
	} else if (pool->op == OP_LP_POOL) {
		pooled->value += pow(fabs(value), pool->p);
	} else if (pooled->seen == 1 || value > pooled->value ||
		(isnan(value) && !isnan(pooled->value))) {
		pooled->value = value;
		for (uint32_t d = 0; d < WINDOW_DIMS; d++)
			pooled->at[d] = at[d];
	}
}

// How many of the first `most` taps lie below `end`, of which the first lies at `start`.
static int64_t pool_taps_below(int64_t start, int64_t end, int64_t dilation, int64_t most)
{
	const int64_t n = end > start ? (end - start - 1) / dilation + 1 : 0;

	return n < most ? n : most;
}

// Reduces the window at output position o of one channel, whose first value is value `first` of x. Only taps with a
// value are visited: a window may be far larger than what it lies on.
static struct pooled pool_at(
	const struct pool_plain *pool, const int64_t o[WINDOW_DIMS], const void *x, int64_t first)
{
	const struct window *w = &pool->window;
	struct pooled pooled = { .padded = 1 };
	int64_t start[WINDOW_DIMS], n[WINDOW_DIMS], taps;

	for (uint32_t d = 0; d < WINDOW_DIMS; d++) {
		const int64_t at = o[d] * w->stride[d] - w->begin[d];
		const int64_t before = pool_taps_below(at, 0, w->dilation[d], w->kernel[d]);

		n[d] = pool_taps_below(at, w->in[d], w->dilation[d], w->kernel[d]) - before;
		start[d] = at + before * w->dilation[d];
		pooled.padded *= (double)pool_taps_below(
			at, w->in[d] + w->end[d], w->dilation[d], w->kernel[d]);
	}
	taps = window_product(n);
	for (int64_t t = 0; t < taps; t++) {
		int64_t k[WINDOW_DIMS], at[WINDOW_DIMS];

		window_coordinates(n, t, k);
		for (uint32_t d = 0; d < WINDOW_DIMS; d++)
			at[d] = start[d] + k[d] * w->dilation[d];
		pool_take(pool, &pooled,
			value_number(pool->dtype, x,
				(size_t)(first + (at[0] * w->in[1] + at[1]) * w->in[2] + at[2])),
			at);
	}
	return pooled;
}

static double pool_result(const struct pool_plain *pool, const struct pooled *pooled)
{
	const double count = pool->count_pad ? pooled->padded : (double)pooled->seen;

	if (pool->op == OP_MAX_POOL)
		return pooled->seen ? pooled->value : -INFINITY;
	if (pool->op == OP_LP_POOL)
		return pow(pooled->value, 1 / pool->p);
	return count > 0 ? pooled->value / count : 0;
}

static int64_t pool_index(const struct pool_plain *pool, const int64_t at[WINDOW_DIMS])
{
	const int64_t *in = pool->window.in;

	if (pool->column_major)
		return (at[2] * in[1] + at[1]) * in[0] + at[0];
	return (at[0] * in[1] + at[1]) * in[2] + at[2];
}

static void pool_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct node *node = plain->node;
	const struct tensor *in = &plain->in[0];
	struct pool_plain pool = { .op = node->op,
		.p = (double)node_int(node, ATTR_P, 2),
		.count_pad = node_int(node, ATTR_COUNT_INCLUDE_PAD, 0) != 0,
		.column_major = node_int(node, ATTR_COLUMN_MAJOR, 0) != 0,
		.dtype = in->dtype };
	int64_t *indices = plain->n_out > 1 ? y[1] : NULL, out, o[WINDOW_DIMS];
	struct error err;

	window_of(node, in, node_attr(node, ATTR_KERNEL_SHAPE)->ints, false, &pool.window, &err);
	out = window_product(pool.window.out);
	for (int64_t i = 0; i < in->dims[0] * in->dims[1] * out; i++) {
		const int64_t first = i / out * window_product(pool.window.in), position = i % out;
		struct pooled pooled;

		o[0] = position / (pool.window.out[1] * pool.window.out[2]);
		o[1] = position / pool.window.out[2] % pool.window.out[1];
		o[2] = position % pool.window.out[2];
		pooled = pool_at(&pool, o, x[0], first);
		value_set_number(pool.dtype, y[0], (size_t)i, pool_result(&pool, &pooled));
		if (indices)
			indices[i] = first + pool_index(&pool, pooled.at);
	}
}

const struct plain_op plain_pool = { .run = pool_plain, .work = pool_work };
