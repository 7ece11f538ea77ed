// SPDX-License-Identifier: BSD-3-Clause
// Whole numbers that stand for floats: x = (q - zero point) * scale. Formulas: ONNX's Operators.md
// of the same operators. Round to nearest, ties to even; what does not fit is saturated; sums of
// products wrap in 32 bits, as everywhere where they are computed by int8 instructions.
#include "infer/graph/window.h"
#include "infer/ops/plain.h"
#include "infer/ops/values.h"

#include <math.h>

// Which of a tensor's scales (or zero points) value i takes.
struct channels {
	size_t inner, count;
};

static struct channels channels_of(const struct general *general)
{
	const struct tensor *x = &general->in[0];
	struct channels c = { .inner = 1, .count = (size_t)tensor_elements(&general->in[1]) };
	uint32_t axis;

	if (c.count > 1 && op_axis(general->node, x->rank, 1, &axis) == 0) {
		for (uint32_t d = axis + 1; d < x->rank; d++)
			c.inner *= (size_t)x->dims[d];
	}
	return c;
}

static int64_t zero_at(const struct general *general, const void *const *x, uint32_t i, size_t k)
{
	if (i >= general->n_in || !x[i])
		return 0;
	return (int64_t)value_integer(general->in[i].dtype, x[i], k);
}

void general_quantize_linear(
	const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const struct channels c = channels_of(general);
	const size_t count = (size_t)tensor_elements(&general->out[0]);
	const float *scale = x[1];

	(void)scratch;
	for (size_t i = 0; i < count; i++) {
		const size_t k = i / c.inner % c.count;
		const float value = (float)value_number(general->in[0].dtype, x[0], i);
		const double q = (double)nearbyintf(value / scale[k]);

		value_set_number(
			general->out[0].dtype, y[0], i, q + (double)zero_at(general, x, 2, k));
	}
}

void general_dequantize_linear(
	const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const struct channels c = channels_of(general);
	const size_t count = (size_t)tensor_elements(&general->out[0]);
	const float *scale = x[1];
	float *out = y[0];

	(void)scratch;
	for (size_t i = 0; i < count; i++) {
		const size_t k = i / c.inner % c.count;

		out[i] = (float)(zero_at(general, x, 0, i) - zero_at(general, x, 2, k)) * scale[k];
	}
}

// The range always holds 0. A row of zeros, whose range is empty, has scale 1.
void general_dynamic_quantize_linear(
	const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const size_t count = (size_t)tensor_elements(&general->in[0]);
	const float *values = x[0];
	float low = 0, high = 0, scale;
	uint8_t zero;

	(void)scratch;
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

// --- Products -----------------------------------------------------------------------------------

struct operands { // which inputs are what; 0: the operator has none
	uint32_t b, a_scale, b_scale, a_zero, b_zero, y_scale, y_zero;
};

static struct operands operands_of(const struct general *general)
{
	if (general->node->op == OP_QLINEAR_MATMUL || general->node->op == OP_QLINEAR_CONV)
		return (struct operands){ 3, 1, 4, 2, 5, 6, 7 };
	return (struct operands){ .b = 1, .a_zero = 2, .b_zero = 3 };
}

struct matrices {
	size_t m, k, n;
	struct walk lead; // over the matrices of the result
};

static void matrices_init(struct matrices *matrices, const struct tensor *a, const struct tensor *b,
	const struct tensor *y)
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

// A parameter's index: one for all, or one for each row (column).
static size_t own(const struct general *general, uint32_t input, size_t k)
{
	return input < general->n_in && tensor_elements(&general->in[input]) > 1 ? k : 0;
}

static void set_product(const struct general *general, const struct operands *o,
	const void *const *x, void *y, size_t at, int32_t sum, size_t row, size_t column)
{
	const float *a = x[o->a_scale], *b = x[o->b_scale], *out = x[o->y_scale];
	float scale;

	if (!o->y_scale) {
		((int32_t *)y)[at] = sum;
		return;
	}
	scale = a[own(general, o->a_scale, row)] * b[own(general, o->b_scale, column)] / out[0];
	value_set_number(general->out[0].dtype, y, at,
		(double)nearbyintf((float)sum * scale) + (double)zero_at(general, x, o->y_zero, 0));
}

void general_quantised_matmul(
	const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const struct operands o = operands_of(general);
	const enum dtype a = general->in[0].dtype, b = general->in[o.b].dtype;
	struct matrices p;
	size_t at = 0;

	(void)scratch;
	matrices_init(&p, &general->in[0], &general->in[o.b], &general->out[0]);
	for (; p.lead.left > 0; walk_next(&p.lead), at += p.m * p.n) {
		const size_t a0 = (size_t)p.lead.at[0] * p.m * p.k;
		const size_t b0 = (size_t)p.lead.at[1] * p.k * p.n;

		for (size_t i = 0; i < p.m * p.n; i++) {
			const size_t row = i / p.n, column = i % p.n;
			const uint64_t a_zero = (uint64_t)zero_at(
				general, x, o.a_zero, own(general, o.a_zero, row));
			const uint64_t b_zero = (uint64_t)zero_at(
				general, x, o.b_zero, own(general, o.b_zero, column));
			uint64_t sum = 0;

			for (size_t l = 0; l < p.k; l++)
				sum += (value_integer(a, x[0], a0 + row * p.k + l) - a_zero) *
					(value_integer(b, x[o.b], b0 + l * p.n + column) - b_zero);
			set_product(
				general, &o, x, y[0], at + i, (int32_t)(uint32_t)sum, row, column);
		}
	}
}

uint64_t general_quantised_matmul_work(const struct general *general)
{
	const struct tensor *a = &general->in[0];

	return (uint64_t)tensor_elements(&general->out[0]) * (uint64_t)a->dims[a->rank - 1];
}

// --- Convolutions -------------------------------------------------------------------------------

struct qconv {
	struct window window;
	int64_t in, out; // channels of a group
	enum dtype x_dtype, w_dtype;
	uint64_t x_zero, w_zero; // of the channel at hand
};

// Products of one window, o in places of the output: x from `x0`, weights from `w0`, in values.
// What lies beyond x is its zero point and adds nothing.
static uint64_t sum_window(const struct qconv *conv, const int64_t o[WINDOW_DIMS], const void *x,
	size_t x0, const void *weights, size_t w0)
{
	const struct window *w = &conv->window;
	const int64_t taps = window_product(w->kernel), size = window_product(w->in);
	uint64_t sum = 0;

	for (int64_t t = 0; t < taps; t++) {
		const int64_t k[WINDOW_DIMS] = { t / (w->kernel[1] * w->kernel[2]),
			t / w->kernel[2] % w->kernel[1], t % w->kernel[2] };
		bool inside = true;
		int64_t at = 0;

		for (uint32_t d = 0; d < WINDOW_DIMS; d++) {
			const int64_t i = o[d] * w->stride[d] - w->begin[d] + k[d] * w->dilation[d];

			inside &= i >= 0 && i < w->in[d];
			at = at * w->in[d] + i;
		}
		for (int64_t c = 0; c < conv->in && inside; c++)
			sum += (value_integer(conv->x_dtype, x, x0 + (size_t)(c * size + at)) -
				       conv->x_zero) *
				(value_integer(
					 conv->w_dtype, weights, w0 + (size_t)(c * taps + t)) -
					conv->w_zero);
	}
	return sum;
}

void general_quantised_conv(
	const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const struct operands o = operands_of(general);
	const struct tensor *in = &general->in[0], *w = &general->in[o.b];
	const int64_t groups = node_int(general->node, ATTR_GROUP, 1), m = w->dims[0];
	const int32_t *bias = general->n_in > 8 ? x[8] : NULL;
	struct qconv conv = { .in = w->dims[1],
		.out = m / groups,
		.x_dtype = in->dtype,
		.w_dtype = w->dtype,
		.x_zero = (uint64_t)zero_at(general, x, o.a_zero, 0) };
	int64_t places, size;
	struct error err;

	(void)scratch;
	window_of(general->node, in, w->dims + 2, false, &conv.window, &err);
	places = window_product(conv.window.out);
	size = window_product(conv.window.in);
	for (int64_t i = 0; i < in->dims[0] * m * places; i++) {
		const int64_t channel = i / places % m, place = i % places;
		const int64_t first = i / places / m * in->dims[1] + channel / conv.out * conv.in;
		const int64_t at[WINDOW_DIMS] = {
			place / (conv.window.out[1] * conv.window.out[2]),
			place / conv.window.out[2] % conv.window.out[1],
			place % conv.window.out[2],
		};
		uint64_t sum;

		conv.w_zero = (uint64_t)zero_at(
			general, x, o.b_zero, own(general, o.b_zero, (size_t)channel));
		sum = sum_window(&conv, at, x[0], (size_t)(first * size), x[o.b],
			(size_t)(channel * conv.in * window_product(conv.window.kernel)));
		sum += bias ? (uint64_t)(int64_t)bias[channel] : 0;
		set_product(general, &o, x, y[0], (size_t)i, (int32_t)(uint32_t)sum, 0,
			(size_t)channel);
	}
}

uint64_t general_quantised_conv_work(const struct general *general)
{
	const struct tensor *w = &general->in[operands_of(general).b];

	return (uint64_t)tensor_elements(&general->out[0]) *
		((uint64_t)tensor_elements(w) / (uint64_t)(w->dims[0] ? w->dims[0] : 1));
}
