// SPDX-License-Identifier: BSD-3-Clause
// Quantised operators: which dtypes, and as many scales and zero points as there are channels.
#include "infer/ops/rule.h"

#include <inttypes.h>

static bool is_quantised(enum dtype dtype)
{
	return dtype == DTYPE_I8 || dtype == DTYPE_U8 || dtype == DTYPE_I16 || dtype == DTYPE_U16;
}

static int need_byte(const struct inference *in, uint32_t i)
{
	const struct tensor *tensor = shape_input(in, i);

	if (tensor && tensor->dtype != DTYPE_I8 && tensor->dtype != DTYPE_U8)
		return shape_refuse(in, "input \"%s\" is %s, should be int8 or uint8", tensor->name,
			dtype_name(tensor->dtype));
	return 0;
}

// One value, or `count` along one dimension.
static int need_count(const struct inference *in, uint32_t i, int64_t count)
{
	const struct tensor *tensor = shape_input(in, i);

	if (!tensor || (tensor->rank <= 1 && tensor_elements(tensor) == 1))
		return 0;
	if (tensor->rank != 1 || tensor->dims[0] != count)
		return shape_refuse(in, "input \"%s\" is %s, should be one value or %" PRId64,
			tensor->name, tensor_shape_text(tensor).text, count);
	return 0;
}

// Scales (input 1) and zero points (input 2): one, or one for each index of the axis.
static int need_channels(const struct inference *in)
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
		return zero ? need_count(in, 2, 1) : 0;
	if (shape_need_axis(in, x->rank, 1, &axis) != 0 || need_count(in, 1, x->dims[axis]) != 0)
		return -EINVAL;
	return need_count(in, 2, x->dims[axis]);
}

int shape_quantize_linear(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);
	const int64_t to = node_int(in->node, ATTR_TO, DTYPE_U8);

	if (x->dtype != DTYPE_F32 && x->dtype != DTYPE_I32)
		return shape_refuse(in, "input \"%s\" is %s, should be float32 or int32", x->name,
			dtype_name(x->dtype));
	if (shape_need_int(in, ATTR_TO, DTYPE_U8, 0, DTYPE_COUNT - 1) != 0)
		return -EINVAL;
	if (!is_quantised((enum dtype)to))
		return shape_refuse(in, "cannot quantise to %s, only to int8, uint8, int16, uint16",
			dtype_name((enum dtype)to));
	if (shape_need_dtype(in, 2, (enum dtype)to) != 0)
		return -EINVAL;
	shape_copy(out, x);
	out->dtype = (enum dtype)to;
	return need_channels(in);
}

int shape_dequantize_linear(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);

	if (!is_quantised(x->dtype) && x->dtype != DTYPE_I32)
		return shape_refuse(in,
			"input \"%s\" is %s, should be int8, uint8, int16, uint16 or int32",
			x->name, dtype_name(x->dtype));
	if (shape_need_dtype(in, 2, x->dtype) != 0)
		return -EINVAL;
	shape_copy(out, x);
	out->dtype = DTYPE_F32;
	return need_channels(in);
}

int shape_dynamic_quantize_linear(const struct inference *in, struct tensor *out)
{
	shape_copy(&out[0], shape_input(in, 0));
	out[0].dtype = DTYPE_U8;
	out[1].dtype = DTYPE_F32;
	out[2].dtype = DTYPE_U8;
	out[1].rank = out[2].rank = 0;
	return shape_need_f32(in);
}

// Zero points and scales of a product: one, or one for each of a's rows, each of b's columns.
static int need_product(const struct inference *in, const struct tensor *a, const struct tensor *b,
	uint32_t a_parameter, uint32_t b_parameter)
{
	if (need_count(in, a_parameter, a->rank > 1 ? a->dims[a->rank - 2] : 1) != 0)
		return -EINVAL;
	return need_count(in, b_parameter, b->rank > 1 ? b->dims[b->rank - 1] : 1);
}

int shape_qlinear_matmul(const struct inference *in, struct tensor *out)
{
	const struct tensor *a = shape_input(in, 0), *b = shape_input(in, 3);

	for (uint32_t i = 0; i < 8; i++) {
		const bool is_scale = i == 1 || i == 4 || i == 6;

		if (is_scale ? shape_need_dtype(in, i, DTYPE_F32) : need_byte(in, i))
			return -EINVAL;
	}
	if (shape_need_dtype(in, 2, a->dtype) != 0 || shape_need_dtype(in, 5, b->dtype) != 0 ||
		need_product(in, a, b, 1, 4) != 0 || need_product(in, a, b, 2, 5) != 0 ||
		need_count(in, 6, 1) != 0 || need_count(in, 7, 1) != 0 ||
		shape_product(in, 0, 3, out) != 0)
		return -EINVAL;
	out->dtype = shape_input(in, 7)->dtype;
	return 0;
}

int shape_matmul_integer(const struct inference *in, struct tensor *out)
{
	const struct tensor *a = shape_input(in, 0), *b = shape_input(in, 1);

	if (need_byte(in, 0) != 0 || need_byte(in, 1) != 0 ||
		shape_need_dtype(in, 2, a->dtype) != 0 || shape_need_dtype(in, 3, b->dtype) != 0 ||
		need_product(in, a, b, 2, 3) != 0 || shape_product(in, 0, 1, out) != 0)
		return -EINVAL;
	out->dtype = DTYPE_I32;
	return 0;
}

// What integers of the output may be: zero point and the range that an activation leaves.
static int need_range(const struct inference *in, enum dtype to)
{
	const int64_t least = to == DTYPE_I8 ? -128 : 0, most = least + 255;

	if (shape_need_int(in, ATTR_ZERO, least, least, most) != 0 ||
		shape_need_int(in, ATTR_LOW, least, least, most) != 0 ||
		shape_need_int(in, ATTR_HIGH, most, node_int(in->node, ATTR_LOW, least), most) != 0)
		return -EINVAL;
	return 0;
}

// x of 8 bits, W int8 [K, N], b int32 and multipliers [N], constant; TO and its range.
static int need_packable(const struct inference *in)
{
	const struct tensor *w = shape_input(in, 1);
	const int64_t to = node_int(in->node, ATTR_TO, DTYPE_F32);

	if (need_byte(in, 0) != 0 || shape_need_dtype(in, 1, DTYPE_I8) != 0 ||
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
	if ((to == DTYPE_U8 || to == DTYPE_I8) && need_range(in, (enum dtype)to) != 0)
		return -EINVAL;
	if (shape_need_vector(in, 2, w->dims[1]) != 0)
		return -EINVAL;
	return shape_need_vector(in, 3, w->dims[1]);
}

int shape_qdense(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *w = shape_input(in, 1);

	if (need_packable(in) != 0)
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

	if (need_byte(in, 0) != 0 || shape_need_dtype(in, 1, DTYPE_I8) != 0 ||
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
		shape_need_vector(in, 3, w->dims[1]) != 0 || need_count(in, 4, 1) != 0 ||
		need_count(in, 5, 1) != 0)
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

	if (need_packable(in) != 0 || shape_windows(in, out) != 0 ||
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

// Zero points and scales of a convolution: one, or for w one for each output channel.
int shape_conv_integer(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *w = shape_input(in, 1);

	if (need_byte(in, 0) != 0 || need_byte(in, 1) != 0 ||
		shape_need_dtype(in, 2, x->dtype) != 0 || shape_need_dtype(in, 3, w->dtype) != 0 ||
		shape_convolution(in, 0, 1, out) != 0 || need_count(in, 2, 1) != 0)
		return -EINVAL;
	out->dtype = DTYPE_I32;
	return need_count(in, 3, w->dims[0]);
}

int shape_qlinear_conv(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *w = shape_input(in, 3);

	for (uint32_t i = 0; i < 8; i++) {
		const bool is_scale = i == 1 || i == 4 || i == 6;

		if (is_scale ? shape_need_dtype(in, i, DTYPE_F32) : need_byte(in, i))
			return -EINVAL;
	}
	if (shape_need_dtype(in, 2, x->dtype) != 0 || shape_need_dtype(in, 5, w->dtype) != 0 ||
		shape_need_dtype(in, 8, DTYPE_I32) != 0 || shape_convolution(in, 0, 3, out) != 0 ||
		need_count(in, 1, 1) != 0 || need_count(in, 2, 1) != 0 ||
		need_count(in, 4, w->dims[0]) != 0 || need_count(in, 5, w->dims[0]) != 0 ||
		need_count(in, 6, 1) != 0 || need_count(in, 7, 1) != 0)
		return -EINVAL;
	out->dtype = shape_input(in, 7)->dtype;
	return shape_need_vector(in, 8, w->dims[0]);
}
