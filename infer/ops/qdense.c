// SPDX-License-Identifier: BSD-3-Clause
// Martlet's own operators on 8-bit integers: QDense, QConv, DynamicQDense and QLookup, into which the
// passes rewrite ONNX's. In the first two the corrections for zero points are part of the bias, so that a
// kernel only multiplies and adds. Sums of products wrap in 32 bits, as those of int8 instructions.
#include "infer/graph/act.h"
#include "infer/graph/requantise.h"
#include "infer/graph/window.h"
#include "infer/ops/plain.h"
#include "infer/ops/rule.h"
#include "infer/ops/values.h"

// --- Shapes --------------------------------------------------------------------------------------

// The zero point of an 8-bit output, and the range to which an activation limits it.
static int qdense_need_range(const struct inference *in, enum dtype to)
{
	const int64_t least = to == DTYPE_I8 ? -128 : 0, most = least + 255;

	if (shape_need_int(in, ATTR_ZERO, least, least, most) != 0 ||
		shape_need_int(in, ATTR_LOW, least, least, most) != 0 ||
		shape_need_int(in, ATTR_HIGH, most, node_int(in->node, ATTR_LOW, least), most) != 0)
		return -EINVAL;
	return 0;
}

// What QDense and QConv have in common: x of 8 bits and, constant, W int8 [K, N], b int32 [N] and
// multipliers float32 [N]; the attribute TO, and the range of its values.
static int qdense_need_operands(const struct inference *in)
{
	const struct tensor *w = shape_input(in, 1);
	const int64_t to = node_int(in->node, ATTR_TO, DTYPE_F32);

	if (shape_need_byte(in, 0) != 0 || shape_need_dtype(in, 1, DTYPE_I8) != 0 ||
		shape_need_dtype(in, 2, DTYPE_I32) != 0 ||
		shape_need_dtype(in, 3, DTYPE_F32) != 0 ||
		shape_need_int(in, ATTR_TO, DTYPE_F32, 0, DTYPE_COUNT - 1) != 0)
		return -EINVAL;
	for (uint32_t i = 1; i < 4; i++) {
		if (shape_need_constant(in, i) != 0)
			return -EINVAL;
	}
	if (w->rank != 2)
		return shape_refuse(in, "input \"%s\" is %s, should be a matrix", w->name,
			tensor_shape_text(w).text);
	if (to != DTYPE_F32 && to != DTYPE_U8 && to != DTYPE_I8 && to != DTYPE_I32)
		return shape_refuse(in, "its output is %s, should be float32, int8, uint8 or int32",
			dtype_name((enum dtype)to));
	if ((to == DTYPE_U8 || to == DTYPE_I8) && qdense_need_range(in, (enum dtype)to) != 0)
		return -EINVAL;
	if (shape_need_vector(in, 2, w->dims[1]) != 0)
		return -EINVAL;
	return shape_need_vector(in, 3, w->dims[1]);
}

int shape_qdense(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *w = shape_input(in, 1);

	if (qdense_need_operands(in) != 0)
		return -EINVAL;
	if (x->rank == 0 || w->dims[0] != x->dims[x->rank - 1])
		return shape_refuse_pair(
			in, 0, 1, "the weights must be [K, N] for an input [..., K]");
	shape_copy(out, x);
	out->dtype = (enum dtype)node_int(in->node, ATTR_TO, DTYPE_F32);
	out->dims[out->rank - 1] = w->dims[1];
	return 0;
}

int shape_dynamic_qdense(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *w = shape_input(in, 1);

	if (shape_need_byte(in, 0) != 0 || shape_need_dtype(in, 1, DTYPE_I8) != 0 ||
		shape_need_dtype(in, 5, x->dtype) != 0 || shape_need_dtype(in, 6, DTYPE_I32) != 0 ||
		shape_need_int(in, ATTR_ACTIVATION, 0, 0, ACTIVATION_COUNT - 1) != 0)
		return -EINVAL;
	for (uint32_t i = 2; i < 5; i++) {
		if (shape_need_dtype(in, i, DTYPE_F32) != 0)
			return -EINVAL;
	}
	if (shape_need_constant(in, 1) != 0 || shape_need_constant(in, 2) != 0 ||
		shape_need_constant(in, 3) != 0 || shape_need_constant(in, 6) != 0)
		return -EINVAL;
	if (x->rank == 0 || w->rank != 2 || w->dims[0] != x->dims[x->rank - 1])
		return shape_refuse_pair(
			in, 0, 1, "the weights must be [K, N] for an input [..., K]");
	if (shape_need_vector(in, 2, w->dims[1]) != 0 ||
		shape_need_vector(in, 3, w->dims[1]) != 0 || shape_need_one_or(in, 4, 1) != 0 ||
		shape_need_one_or(in, 5, 1) != 0)
		return -EINVAL;
	shape_copy(out, x);
	out->dtype = DTYPE_F32;
	out->dims[out->rank - 1] = w->dims[1];
	return shape_need_vector(in, 6, w->dims[1]);
}

int shape_qconv(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *w = shape_input(in, 1);
	const int64_t group = node_int(in->node, ATTR_GROUP, 1);
	int64_t taps = 1;

	if (qdense_need_operands(in) != 0 || shape_windows(in, out) != 0 ||
		shape_need_int(in, ATTR_GROUP, 1, 1, GRAPH_ELEMENTS_MAX) != 0 ||
		shape_need_int(in, ATTR_CEIL_MODE, 0, 0, 0) != 0 ||
		shape_need_int(in, ATTR_PAD_VALUE, 0, x->dtype == DTYPE_I8 ? -128 : 0,
			x->dtype == DTYPE_I8 ? 127 : 255) != 0)
		return -EINVAL;
	if (x->dims[1] % group != 0 || w->dims[1] % group != 0)
		return shape_refuse_pair(in, 0, 1, "the channels do not fit in the groups");
	for (uint32_t d = 0; d + 2 < x->rank; d++) { // below 2^56 before each product
		taps *= node_attr(in->node, ATTR_KERNEL_SHAPE)->ints[d];
		if (taps > GRAPH_ELEMENTS_MAX)
			break;
	}
	if (taps > GRAPH_ELEMENTS_MAX || w->dims[0] != x->dims[1] / group * taps)
		return shape_refuse_pair(in, 0, 1, "the weights must be [C / group * kernel, M]");
	out->dtype = (enum dtype)node_int(in->node, ATTR_TO, DTYPE_F32);
	out->dims[1] = w->dims[1];
	return 0;
}

int shape_qlookup(const struct inference *in, struct tensor *out)
{
	if (shape_need_byte(in, 0) != 0 || shape_need_byte(in, 1) != 0 ||
		shape_need_constant(in, 1) != 0 || shape_need_vector(in, 1, 256) != 0)
		return -EINVAL;
	shape_copy(out, shape_input(in, 0));
	out->dtype = shape_input(in, 1)->dtype;
	return 0;
}

// --- Values --------------------------------------------------------------------------------------

// The attributes TO, ZERO, LOW and HIGH: how a sum of products becomes an output.
struct qdense_output {
	enum dtype to;
	int32_t zero, low, high;
};

static struct qdense_output qdense_output_of(const struct plain *plain)
{
	const enum dtype to = plain->out[0].dtype;
	const int64_t least = to == DTYPE_I8 ? -128 : 0;

	return (struct qdense_output){ .to = to,
		.zero = (int32_t)node_int(plain->node, ATTR_ZERO, least),
		.low = (int32_t)node_int(plain->node, ATTR_LOW, least),
		.high = (int32_t)node_int(plain->node, ATTR_HIGH, least + 255) };
}

static void qdense_output_store(
	const struct qdense_output *r, void *y, size_t at, uint32_t sum, float multiplier)
{
	const float value = (float)(int32_t)sum * multiplier;

	if (r->to == DTYPE_I32)
		((uint32_t *)y)[at] = sum;
	else if (r->to == DTYPE_F32)
		((float *)y)[at] = value;
	else
		((uint8_t *)y)[at] = (uint8_t)requantise(value, r->zero, r->low, r->high);
}

static void qdense_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct qdense_output r = qdense_output_of(plain);
	const size_t k = (size_t)plain->in[1].dims[0], n = (size_t)plain->in[1].dims[1];
	const size_t count = (size_t)tensor_elements(&plain->out[0]);
	const int8_t *w = x[1];

	for (size_t i = 0; i < count; i++) {
		uint32_t sum = ((const uint32_t *)x[2])[i % n];

		for (size_t l = 0; l < k; l++)
			sum += (uint32_t)value_integer(plain->in[0].dtype, x[0], i / n * k + l) *
				(uint32_t)w[l * n + i % n];
		qdense_output_store(&r, y[0], i, sum, ((const float *)x[3])[i % n]);
	}
}

static uint64_t qdense_work(const struct plain *plain)
{
	return (uint64_t)tensor_elements(&plain->out[0]) * (uint64_t)plain->in[1].dims[0];
}

// The sum of products of one input channel, whose values begin at offset x0, under the window at
// output position `o`. `weights` is the first tap of that channel in one column of the matrix.
static uint32_t qconv_sum(const struct plain *plain, const struct window *w,
	const int64_t o[WINDOW_DIMS], const void *x, int64_t x0, const int8_t *weights)
{
	const int64_t taps = window_product(w->kernel), columns = plain->in[1].dims[1];
	const uint32_t pad = (uint32_t)node_int(plain->node, ATTR_PAD_VALUE, 0);
	uint32_t sum = 0;

	for (int64_t t = 0; t < taps; t++) {
		int64_t at;
		const bool inside = window_tap(w, o, t, &at);

		sum += (uint32_t)weights[t * columns] *
			(inside ? (uint32_t)value_integer(plain->in[0].dtype, x, (size_t)(x0 + at))
				: pad);
	}
	return sum;
}

static void qconv_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct qdense_output r = qdense_output_of(plain);
	const struct tensor *in = &plain->in[0];
	const int64_t groups = node_int(plain->node, ATTR_GROUP, 1), m = plain->in[1].dims[1];
	const int64_t channels = in->dims[1] / groups;
	int64_t positions, size, taps;
	struct window w;
	struct error err;

	window_of(
		plain->node, in, node_attr(plain->node, ATTR_KERNEL_SHAPE)->ints, false, &w, &err);
	positions = window_product(w.out);
	size = window_product(w.in);
	taps = window_product(w.kernel);
	for (int64_t i = 0; i < in->dims[0] * m * positions; i++) {
		const int64_t column = i / positions % m, position = i % positions;
		const int64_t first =
			i / positions / m * in->dims[1] + column / (m / groups) * channels;
		int64_t o[WINDOW_DIMS];
		uint32_t sum = ((const uint32_t *)x[2])[column];

		window_coordinates(w.out, position, o);
		for (int64_t c = 0; c < channels; c++)
			sum += qconv_sum(plain, &w, o, x[0], (first + c) * size,
				(const int8_t *)x[1] + c * taps * m + column);
		qdense_output_store(&r, y[0], (size_t)i, sum, ((const float *)x[3])[column]);
	}
}

// A zero point of DynamicQDense, 0 where the input is left out.
static uint32_t qdense_zero(const struct plain *plain, const void *const *x, uint32_t i, size_t k)
{
	if (i >= plain->n_in || !x[i])
		return 0;
	return (uint32_t)value_integer(plain->in[i].dtype, x[i], k);
}

// The product is rounded to float before the bias is added, whatever the compiler makes of it: a
// sum of two floats in double is rounded the same when it becomes a float.
static void dynamic_qdense_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct act act = act_of_attributes(plain->node);
	const size_t k = (size_t)plain->in[1].dims[0], n = (size_t)plain->in[1].dims[1];
	const size_t count = (size_t)tensor_elements(&plain->out[0]);
	const float *w_scale = x[2], *bias = x[3], *x_scale = x[4];
	const uint32_t x_zero = qdense_zero(plain, x, 5, 0);

	for (size_t i = 0; i < count; i++) {
		const size_t column = i % n;
		const uint32_t w_zero = qdense_zero(plain, x, 6, column);
		uint32_t sum = 0;
		float product;

		for (size_t l = 0; l < k; l++) {
			const uint32_t value =
				(uint32_t)value_integer(plain->in[0].dtype, x[0], i / n * k + l);
			const uint32_t w = (uint32_t)((const int8_t *)x[1])[l * n + column];

			sum += (value - x_zero) * (w - w_zero);
		}
		product = (float)(int32_t)sum * (*x_scale * w_scale[column]);
		((float *)y[0])[i] = act_f32(&act, (float)((double)product + (double)bias[column]));
	}
}

static void qlookup_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const size_t count = (size_t)tensor_elements(&plain->out[0]);
	const uint8_t *bytes = x[0], *table = x[1];

	for (size_t i = 0; i < count; i++)
		((uint8_t *)y[0])[i] = table[bytes[i]];
}

const struct plain_op plain_qdense = { .run = qdense_plain, .work = qdense_work };
const struct plain_op plain_qconv = { .run = qconv_plain, .work = qdense_work };
const struct plain_op plain_dynamic_qdense = { .run = dynamic_qdense_plain, .work = qdense_work };
const struct plain_op plain_qlookup = { .run = qlookup_plain };
