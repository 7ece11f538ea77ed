// SPDX-License-Identifier: BSD-3-Clause
// ONNX's quantised operators, by the formulas of its Operators.md. An integer q stands for the float
// (q - zero point) * scale. Floats are rounded to the nearest integer, ties to even, and saturated;
// sums of products wrap in 32 bits, as those of int8 instructions do. Martlet's own operators on
// 8-bit integers, into which the passes rewrite these, are in ops/qdense.c.
#include "infer/graph/window.h"
#include "infer/ops/plain.h"
#include "infer/ops/rule.h"
#include "infer/ops/values.h"

#include <inttypes.h>
#include <math.h>

// --- Shapes --------------------------------------------------------------------------------------

static bool quantise_is_target(enum dtype dtype)
{
	return dtype == DTYPE_I8 || dtype == DTYPE_U8 || dtype == DTYPE_I16 || dtype == DTYPE_U16;
}

// Scales (input 1) and zero points (input 2): one, or one for each index of the axis.
static int quantise_need_channels(const struct inference *in)
{
	const struct tensor *x = shape_input(in, 0), *scale = shape_input(in, 1);
	const struct tensor *zero = shape_input(in, 2);
	uint32_t axis;

	if (shape_need_dtype(in, 1, DTYPE_F32) != 0)
		return -EINVAL;
	if (zero && tensor_elements(zero) != tensor_elements(scale))
		return shape_refuse_pair(in, 1, 2, "there must be a zero point for each scale");
	if (scale->rank > 1)
		return shape_refuse(in,
			"scales %s: quantised in blocks, which is not supported; one scale or one "
			"for each channel is",
			tensor_shape_text(scale).text);
	if (tensor_elements(scale) == 1)
		return zero ? shape_need_one_or(in, 2, 1) : 0;
	if (shape_need_axis(in, x->rank, 1, &axis) != 0 ||
		shape_need_one_or(in, 1, x->dims[axis]) != 0)
		return -EINVAL;
	return shape_need_one_or(in, 2, x->dims[axis]);
}

int shape_quantise(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);
	const int64_t to = node_int(in->node, ATTR_TO, DTYPE_U8);

	if (x->dtype != DTYPE_F32 && x->dtype != DTYPE_I32)
		return shape_refuse(in, "input \"%s\" is %s, should be float32 or int32", x->name,
			dtype_name(x->dtype));
	if (shape_need_int(in, ATTR_TO, DTYPE_U8, 0, DTYPE_COUNT - 1) != 0)
		return -EINVAL;
	if (!quantise_is_target((enum dtype)to))
		return shape_refuse(in, "cannot quantise to %s, only to int8, uint8, int16, uint16",
			dtype_name((enum dtype)to));
	if (shape_need_dtype(in, 2, (enum dtype)to) != 0)
		return -EINVAL;
	shape_copy(out, x);
	out->dtype = (enum dtype)to;
	return quantise_need_channels(in);
}

int shape_dequantise(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);

	if (!quantise_is_target(x->dtype) && x->dtype != DTYPE_I32)
		return shape_refuse(in,
			"input \"%s\" is %s, should be int8, uint8, int16, uint16 or int32",
			x->name, dtype_name(x->dtype));
	if (shape_need_dtype(in, 2, x->dtype) != 0)
		return -EINVAL;
	shape_copy(out, x);
	out->dtype = DTYPE_F32;
	return quantise_need_channels(in);
}

int shape_dynamic_quantise(const struct inference *in, struct tensor *out)
{
	shape_copy(&out[0], shape_input(in, 0));
	out[0].dtype = DTYPE_U8;
	out[1].dtype = DTYPE_F32;
	out[2].dtype = DTYPE_U8;
	out[1].rank = out[2].rank = 0;
	return shape_need_f32(in);
}

// Zero points and scales of a product: one, or one for each of a's rows, each of b's columns.
static int quantise_need_product(const struct inference *in, const struct tensor *a,
	const struct tensor *b, uint32_t a_parameter, uint32_t b_parameter)
{
	if (shape_need_one_or(in, a_parameter, a->rank > 1 ? a->dims[a->rank - 2] : 1) != 0)
		return -EINVAL;
	return shape_need_one_or(in, b_parameter, b->rank > 1 ? b->dims[b->rank - 1] : 1);
}

int shape_qlinear_matmul(const struct inference *in, struct tensor *out)
{
	const struct tensor *a = shape_input(in, 0), *b = shape_input(in, 3);

	for (uint32_t i = 0; i < 8; i++) {
		const bool is_scale = i == 1 || i == 4 || i == 6;

		if (is_scale ? shape_need_dtype(in, i, DTYPE_F32) : shape_need_byte(in, i))
			return -EINVAL;
	}
	if (shape_need_dtype(in, 2, a->dtype) != 0 || shape_need_dtype(in, 5, b->dtype) != 0 ||
		quantise_need_product(in, a, b, 1, 4) != 0 ||
		quantise_need_product(in, a, b, 2, 5) != 0 || shape_need_one_or(in, 6, 1) != 0 ||
		shape_need_one_or(in, 7, 1) != 0 || shape_product(in, 0, 3, out) != 0)
		return -EINVAL;
	out->dtype = shape_input(in, 7)->dtype;
	return 0;
}

int shape_matmul_integer(const struct inference *in, struct tensor *out)
{
	const struct tensor *a = shape_input(in, 0), *b = shape_input(in, 1);

	if (shape_need_byte(in, 0) != 0 || shape_need_byte(in, 1) != 0 ||
		shape_need_dtype(in, 2, a->dtype) != 0 || shape_need_dtype(in, 3, b->dtype) != 0 ||
		quantise_need_product(in, a, b, 2, 3) != 0 || shape_product(in, 0, 1, out) != 0)
		return -EINVAL;
	out->dtype = DTYPE_I32;
	return 0;
}

// Zero points and scales of a convolution: one, or for w one for each output channel.
int shape_conv_integer(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *w = shape_input(in, 1);

	if (shape_need_byte(in, 0) != 0 || shape_need_byte(in, 1) != 0 ||
		shape_need_dtype(in, 2, x->dtype) != 0 || shape_need_dtype(in, 3, w->dtype) != 0 ||
		shape_convolution(in, 0, 1, false, out) != 0 || shape_need_one_or(in, 2, 1) != 0)
		return -EINVAL;
	out->dtype = DTYPE_I32;
	return shape_need_one_or(in, 3, w->dims[0]);
}

int shape_qlinear_conv(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *w = shape_input(in, 3);

	for (uint32_t i = 0; i < 8; i++) {
		const bool is_scale = i == 1 || i == 4 || i == 6;

		if (is_scale ? shape_need_dtype(in, i, DTYPE_F32) : shape_need_byte(in, i))
			return -EINVAL;
	}
	if (shape_need_dtype(in, 2, x->dtype) != 0 || shape_need_dtype(in, 5, w->dtype) != 0 ||
		shape_need_dtype(in, 8, DTYPE_I32) != 0 ||
		shape_convolution(in, 0, 3, false, out) != 0 || shape_need_one_or(in, 1, 1) != 0 ||
		shape_need_one_or(in, 2, 1) != 0 || shape_need_one_or(in, 4, w->dims[0]) != 0 ||
		shape_need_one_or(in, 5, w->dims[0]) != 0 || shape_need_one_or(in, 6, 1) != 0 ||
		shape_need_one_or(in, 7, 1) != 0)
		return -EINVAL;
	out->dtype = shape_input(in, 7)->dtype;
	return shape_need_vector(in, 8, w->dims[0]);
}

// --- Values --------------------------------------------------------------------------------------

// Value i of a tensor takes scale (and zero point) i / inner % count.
struct quantise_channels {
	size_t inner, count;
};

static struct quantise_channels quantise_channels(const struct plain *plain)
{
	const struct tensor *x = &plain->in[0];
	struct quantise_channels c = { .inner = 1,
		.count = (size_t)tensor_elements(&plain->in[1]) };
	uint32_t axis;

	if (c.count > 1 && node_axis(plain->node, x->rank, 1, &axis) == 0) {
		for (uint32_t d = axis + 1; d < x->rank; d++)
			c.inner *= (size_t)x->dims[d];
	}
	return c;
}

static int64_t quantise_zero(const struct plain *plain, const void *const *x, uint32_t i, size_t k)
{
	if (i >= plain->n_in || !x[i])
		return 0;
	return (int64_t)value_integer(plain->in[i].dtype, x[i], k);
}

static void quantise_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct quantise_channels c = quantise_channels(plain);
	const size_t count = (size_t)tensor_elements(&plain->out[0]);
	const float *scale = x[1];

	for (size_t i = 0; i < count; i++) {
		const size_t k = i / c.inner % c.count;
		const float value = (float)value_number(plain->in[0].dtype, x[0], i);
		const double q = (double)nearbyintf(value / scale[k]);

		value_set_number(
			plain->out[0].dtype, y[0], i, q + (double)quantise_zero(plain, x, 2, k));
	}
}

static void dequantise_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct quantise_channels c = quantise_channels(plain);
	const size_t count = (size_t)tensor_elements(&plain->out[0]);
	const float *scale = x[1];
	float *out = y[0];

	for (size_t i = 0; i < count; i++) {
		const size_t k = i / c.inner % c.count;

		out[i] = (float)(quantise_zero(plain, x, 0, i) - quantise_zero(plain, x, 2, k)) *
			scale[k];
	}
}

// The range always includes 0. A row of zeros, whose range is empty, has scale 1.
static void dynamic_quantise_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const size_t count = (size_t)tensor_elements(&plain->in[0]);
	const float *values = x[0];
	float low = 0, high = 0, scale;
	uint8_t zero;

	for (size_t i = 0; i < count; i++) {
		low = values[i] < low ? values[i] : low;
		high = values[i] > high ? values[i] : high;
	}
	scale = high > low ? (high - low) / 255.0f : 1.0f;
	value_set_number(DTYPE_U8, &zero, 0, (double)nearbyintf(-low / scale));
	for (size_t i = 0; i < count && y[0]; i++)
		value_set_number(DTYPE_U8, y[0], i, (double)nearbyintf(values[i] / scale) + zero);
	if (y[1])
		*(float *)y[1] = scale;
	if (y[2])
		*(uint8_t *)y[2] = zero;
}

// --- Products ------------------------------------------------------------------------------------

struct quantise_operands { // the input that is each of them; 0: the operator has none
	uint32_t b, a_scale, b_scale, a_zero, b_zero, y_scale, y_zero;
};

static struct quantise_operands quantise_operands(const struct plain *plain)
{
	if (plain->node->op == OP_QLINEAR_MATMUL || plain->node->op == OP_QLINEAR_CONV)
		return (struct quantise_operands){ 3, 1, 4, 2, 5, 6, 7 };
	return (struct quantise_operands){ .b = 1, .a_zero = 2, .b_zero = 3 };
}

struct quantise_matrices {
	size_t m, k, n;
	struct walk lead; // over the matrices of the result
};

static void quantise_matrices_init(struct quantise_matrices *matrices, const struct tensor *a,
	const struct tensor *b, const struct tensor *y)
{
	struct tensor lead = *y, left = *a, right = *b;

	matrices->m = a->rank > 1 ? (size_t)a->dims[a->rank - 2] : 1;
	matrices->k = (size_t)a->dims[a->rank - 1];
	matrices->n = b->rank > 1 ? (size_t)b->dims[b->rank - 1] : 1;
	lead.rank -= (a->rank > 1) + (b->rank > 1);
	left.rank = a->rank > 2 ? a->rank - 2 : 0;
	right.rank = b->rank > 2 ? b->rank - 2 : 0;
	walk_init(&matrices->lead, &lead);
	walk_broadcast(&matrices->lead, 0, &left);
	walk_broadcast(&matrices->lead, 1, &right);
}

// The index of a parameter for row (or column) k: there may be one for all, or one for each.
static size_t quantise_own(const struct plain *plain, uint32_t input, size_t k)
{
	return input < plain->n_in && tensor_elements(&plain->in[input]) > 1 ? k : 0;
}

static void quantise_set(const struct plain *plain, const struct quantise_operands *o,
	const void *const *x, void *y, size_t at, int32_t sum, size_t row, size_t column)
{
	const float *a = x[o->a_scale], *b = x[o->b_scale], *out = x[o->y_scale];
	float scale;

	if (!o->y_scale) {
		((int32_t *)y)[at] = sum;
		return;
	}
	scale = a[quantise_own(plain, o->a_scale, row)] *
		b[quantise_own(plain, o->b_scale, column)] / out[0];
	value_set_number(plain->out[0].dtype, y, at,
		(double)nearbyintf((float)sum * scale) +
			(double)quantise_zero(plain, x, o->y_zero, 0));
}

static void quantised_matmul_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct quantise_operands o = quantise_operands(plain);
	const enum dtype a = plain->in[0].dtype, b = plain->in[o.b].dtype;
	struct quantise_matrices p;
	size_t at = 0;

	quantise_matrices_init(&p, &plain->in[0], &plain->in[o.b], &plain->out[0]);
	for (; p.lead.left > 0; walk_next(&p.lead), at += p.m * p.n) {
		const size_t a0 = (size_t)p.lead.at[0] * p.m * p.k;
		const size_t b0 = (size_t)p.lead.at[1] * p.k * p.n;

		for (size_t i = 0; i < p.m * p.n; i++) {
			const size_t row = i / p.n, column = i % p.n;
			const uint64_t a_zero = (uint64_t)quantise_zero(
				plain, x, o.a_zero, quantise_own(plain, o.a_zero, row));
			const uint64_t b_zero = (uint64_t)quantise_zero(
				plain, x, o.b_zero, quantise_own(plain, o.b_zero, column));
			uint64_t sum = 0;

			for (size_t l = 0; l < p.k; l++)
				sum += (value_integer(a, x[0], a0 + row * p.k + l) - a_zero) *
					(value_integer(b, x[o.b], b0 + l * p.n + column) - b_zero);
			quantise_set(
				plain, &o, x, y[0], at + i, (int32_t)(uint32_t)sum, row, column);
		}
	}
}

static uint64_t quantised_matmul_work(const struct plain *plain)
{
	const struct tensor *a = &plain->in[0];

	return (uint64_t)tensor_elements(&plain->out[0]) * (uint64_t)a->dims[a->rank - 1];
}

// --- Convolutions --------------------------------------------------------------------------------

struct quantise_conv {
	struct window window;
	int64_t in, out; // channels of a group
	enum dtype x_dtype, w_dtype;
	uint64_t x_zero, w_zero; // of the channel at hand
};

// The sum of products of one window at output position `o`. x0 and w0 are the offsets of the first
// input channel and of the weights, in values. Padding has the zero point of x, so it adds nothing.
static uint64_t quantise_sum_window(const struct quantise_conv *conv, const int64_t o[WINDOW_DIMS],
	const void *x, size_t x0, const void *weights, size_t w0)
{
	const struct window *w = &conv->window;
	const int64_t taps = window_product(w->kernel), size = window_product(w->in);
	uint64_t sum = 0;

	for (int64_t t = 0; t < taps; t++) {
		int64_t at;
		const bool inside = window_tap(w, o, t, &at);

		for (int64_t c = 0; c < conv->in && inside; c++)
			sum += (value_integer(conv->x_dtype, x, x0 + (size_t)(c * size + at)) -
				       conv->x_zero) *
				(value_integer(
					 conv->w_dtype, weights, w0 + (size_t)(c * taps + t)) -
					conv->w_zero);
	}
	return sum;
}

static void quantised_conv_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct quantise_operands o = quantise_operands(plain);
	const struct tensor *in = &plain->in[0], *w = &plain->in[o.b];
	const int64_t groups = node_int(plain->node, ATTR_GROUP, 1), m = w->dims[0];
	const int32_t *bias = plain->n_in > 8 ? x[8] : NULL;
	struct quantise_conv conv = { .in = w->dims[1],
		.out = m / groups,
		.x_dtype = in->dtype,
		.w_dtype = w->dtype,
		.x_zero = (uint64_t)quantise_zero(plain, x, o.a_zero, 0) };
	int64_t positions, size;
	struct error err;

	window_of(plain->node, in, w->dims + 2, false, &conv.window, &err);
	positions = window_product(conv.window.out);
	size = window_product(conv.window.in);
	for (int64_t i = 0; i < in->dims[0] * m * positions; i++) {
		const int64_t channel = i / positions % m, position = i % positions;
		const int64_t first =
			i / positions / m * in->dims[1] + channel / conv.out * conv.in;
		const int64_t at[WINDOW_DIMS] = {
			position / (conv.window.out[1] * conv.window.out[2]),
			position / conv.window.out[2] % conv.window.out[1],
			position % conv.window.out[2],
		};
		uint64_t sum;

		conv.w_zero = (uint64_t)quantise_zero(
			plain, x, o.b_zero, quantise_own(plain, o.b_zero, (size_t)channel));
		sum = quantise_sum_window(&conv, at, x[0], (size_t)(first * size), x[o.b],
			(size_t)(channel * conv.in * window_product(conv.window.kernel)));
		sum += bias ? (uint64_t)(int64_t)bias[channel] : 0;
		quantise_set(
			plain, &o, x, y[0], (size_t)i, (int32_t)(uint32_t)sum, 0, (size_t)channel);
	}
}

static uint64_t quantised_conv_work(const struct plain *plain)
{
	const struct tensor *w = &plain->in[quantise_operands(plain).b];

	return (uint64_t)tensor_elements(&plain->out[0]) *
		((uint64_t)tensor_elements(w) / (uint64_t)(w->dims[0] ? w->dims[0] : 1));
}

const struct plain_op plain_quantise = { .run = quantise_plain };
const struct plain_op plain_dequantise = { .run = dequantise_plain };
const struct plain_op plain_dynamic_quantise = { .run = dynamic_quantise_plain };
const struct plain_op plain_quantised_matmul = { .run = quantised_matmul_plain,
	.work = quantised_matmul_work };
const struct plain_op plain_quantised_conv = { .run = quantised_conv_plain,
	.work = quantised_conv_work };
