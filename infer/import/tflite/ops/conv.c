// SPDX-License-Identifier: BSD-3-Clause
// Convolutions and pools, whose images are NHWC there and NCHW in ONNX.
#include "infer/import/tflite/values.h"
#include "infer/import/tflite/write.h"

#define WINDOW_MAX ((int64_t)1 << 28)

struct conv_options { // ids of the fields in the tables of options
	unsigned activation, dilation;
};

static int conv_read_pair(struct tflite *t, const struct tflite_node *node, unsigned height,
	unsigned width, int64_t pair[2])
{
	pair[0] = flatbuffer_int(&node->op->options, height, 4, 1);
	pair[1] = flatbuffer_int(&node->op->options, width, 4, 1);
	if (pair[0] < 1 || pair[1] < 1 || pair[0] > WINDOW_MAX || pair[1] > WINDOW_MAX)
		return tflite_refuse(t, node, -EINVAL,
			"a stride, dilation or filter is %lld by %lld, should be above 0",
			(long long)pair[0], (long long)pair[1]);
	return 0;
}

// SAME puts what is left over behind, as SAME_UPPER does.
static int conv_read_padding(struct tflite *t, const struct tflite_node *node, const char **padding)
{
	const int64_t kind = flatbuffer_int(&node->op->options, 0, 1, 0);

	*padding = kind == 0 ? "SAME_UPPER" : "VALID";
	return kind == 0 || kind == 1
		? 0
		: tflite_refuse(t, node, -EINVAL, "padding is %lld, should be SAME or VALID",
			  (long long)kind);
}

static int conv_give(
	struct tflite *t, const struct tflite_node *node, unsigned activation, const char *made)
{
	made = tflite_activated(
		t, node, flatbuffer_int(&node->op->options, activation, 1, 0), made);
	return tflite_give(t, node, 0, made, TFLITE_NCHW);
}

static bool conv_is_image(const struct tflite_tensor *tensor)
{
	return tensor && tensor->rank == 4;
}

static int conv_import(struct tflite *t, const struct tflite_node *node, const char *weights,
	int64_t groups, const struct conv_options *options)
{
	const bool biased = tflite_inputs_given(node) > 2;
	int64_t strides[2], dilations[2];
	const char *padding, *inputs[3];

	if (conv_read_pair(t, node, 2, 1, strides) ||
		conv_read_pair(t, node, options->dilation + 1, options->dilation, dilations) ||
		conv_read_padding(t, node, &padding))
		return t->err->code;
	const struct tflite_attr attrs[] = { TFLITE_INTS("strides", 2, strides),
		TFLITE_INTS("dilations", 2, dilations), TFLITE_TEXT("auto_pad", padding),
		TFLITE_INT("group", groups) };

	inputs[0] = weights ? tflite_get(t, node, 0, TFLITE_REAL, TFLITE_NCHW) : NULL;
	inputs[1] = weights;
	inputs[2] = biased && inputs[0] ? tflite_real(t, node, 2) : NULL;
	if (!inputs[0] || (biased && !inputs[2]))
		return t->err->code;
	return conv_give(t, node, options->activation,
		tflite_write(t, "Conv", biased ? 3 : 2, inputs, 4, attrs));
}

// Weights of so many dimensions as images, kept in whole bytes beside a float input?
static void conv_note_hybrid(struct tflite *t, const struct tflite_node *node)
{
	t->hybrid |= !tflite_has_scale(tflite_input(t, node, 0)) &&
		tflite_has_scale(tflite_input(t, node, 1));
}

// Weights [outputs][height][width][inputs of a group].
static int conv_import_whole(struct tflite *t, const struct tflite_node *node)
{
	static const struct conv_options OPTIONS = { 3, 4 };
	const struct tflite_tensor *x = tflite_input(t, node, 0), *w = tflite_input(t, node, 1);

	if (!conv_is_image(x) || !conv_is_image(w) || w->dims[3] < 1 || x->dims[3] % w->dims[3])
		return tflite_refuse(t, node, -EINVAL,
			"input and weights should have 4 dimensions, and the same channels");
	conv_note_hybrid(t, node);
	return conv_import(t, node, tflite_get(t, node, 1, TFLITE_REAL, TFLITE_NCHW),
		x->dims[3] / w->dims[3], &OPTIONS);
}

// Weights [1][height][width][channels times multiplier].
static int conv_import_depthwise(struct tflite *t, const struct tflite_node *node)
{
	static const struct conv_options OPTIONS = { 4, 5 };
	static const int64_t PERM[4] = { 3, 0, 1, 2 };
	const struct tflite_tensor *x = tflite_input(t, node, 0), *w = tflite_input(t, node, 1);
	const enum tflite_form form = w && tflite_has_scale(w) ? TFLITE_BYTES : TFLITE_REAL;
	const char *weights;

	if (!conv_is_image(x) || !conv_is_image(w) || w->dims[0] != 1 || x->dims[3] < 1 ||
		w->dims[3] % x->dims[3] || (w->n_scales > 1 && w->axis != 3))
		return tflite_refuse(t, node, -EINVAL,
			"weights should be [1, height, width, a multiple of the input's channels], "
			"and scales one for each of the last");
	conv_note_hybrid(t, node);
	weights = tflite_transposed(t, tflite_get(t, node, 1, form, TFLITE_NHWC), 4, PERM);
	if (form == TFLITE_BYTES)
		weights = tflite_dequantised(t, w, weights, 0);
	return conv_import(t, node, weights, x->dims[3], &OPTIONS);
}

// The output's height and width: as it is declared, or as input 0 says where that is left open.
static int conv_read_output(struct tflite *t, const struct tflite_node *node, int64_t size[2])
{
	const struct tflite_tensor *y = tflite_output(t, node, 0);
	int64_t dims[4];
	size_t n = 0;

	if (conv_is_image(y) && !y->open[1] && !y->open[2]) {
		size[0] = y->dims[1];
		size[1] = y->dims[2];
	} else {
		if (tflite_get_ints(t, node, 0, 4, dims, &n))
			return t->err->code;
		size[0] = n == 4 ? dims[1] : 0;
		size[1] = n == 4 ? dims[2] : 0;
	}
	if (size[0] >= 1 && size[1] >= 1 && size[0] <= WINDOW_MAX && size[1] <= WINDOW_MAX)
		return 0;
	return tflite_refuse(t, node, -EINVAL, "the output's height and width should be above 0");
}

// What is cut off before and behind along dimension d, or put on behind: the convolution that it turns round has an
// input of `size` and the padding that its own kind says.
static int conv_turn(struct tflite *t, const struct tflite_node *node, uint32_t d, bool same,
	const int64_t strides[2], const int64_t size[2], int64_t pads[4], int64_t more[2])
{
	const struct tflite_tensor *x = tflite_input(t, node, 2), *w = tflite_input(t, node, 1);
	const int64_t filter = w->dims[1 + d], stride = strides[d];
	const int64_t positions =
		same ? (size[d] + stride - 1) / stride : (size[d] + stride - filter) / stride;
	const int64_t total = (positions - 1) * stride + filter - size[d];
	const int64_t full = (x->dims[1 + d] - 1) * stride + filter;

	if (x->open[1 + d])
		return tflite_refuse(t, node, -ENOTSUP,
			"its input's height and width are open: convert with fixed ones");
	pads[d] = total > 0 ? total / 2 : 0;
	pads[2 + d] = full - pads[d] - size[d];
	if (pads[2 + d] < 0) {
		more[d] = -pads[2 + d];
		pads[2 + d] = 0;
	}
	if (more[d] >= stride)
		return tflite_refuse(t, node, -EINVAL,
			"its output has %lld places, of which its input reaches %lld",
			(long long)size[d], (long long)(size[d] - more[d]));
	return 0;
}

// Inputs: the output's shape, weights [outputs][height][width][inputs], images.
static int conv_import_transposed(struct tflite *t, const struct tflite_node *node)
{
	static const int64_t PERM[4] = { 3, 0, 1, 2 };
	const bool biased = tflite_inputs_given(node) > 3;
	const struct tflite_tensor *x = tflite_input(t, node, 2), *w = tflite_input(t, node, 1);
	int64_t strides[2] = { 0 }, size[2] = { 0 }, pads[4] = { 0 }, more[2] = { 0 };
	const char *padding, *inputs[3];

	if (!conv_is_image(x) || !conv_is_image(w) || w->dims[3] < 1 || w->dims[3] != x->dims[3])
		return tflite_refuse(t, node, -EINVAL,
			"input and weights should have 4 dimensions, and the same channels");
	if (conv_read_pair(t, node, 2, 1, strides) || conv_read_padding(t, node, &padding) ||
		conv_read_output(t, node, size))
		return t->err->code;
	for (uint32_t d = 0; d < 2; d++) {
		if (conv_turn(t, node, d, padding[0] == 'S', strides, size, pads, more))
			return t->err->code;
	}
	const struct tflite_attr attrs[] = { TFLITE_INTS("strides", 2, strides),
		TFLITE_INTS("pads", 4, pads), TFLITE_INTS("output_padding", 2, more) };

	t->hybrid |= !tflite_has_scale(x) && tflite_has_scale(w);
	inputs[0] = tflite_get(t, node, 2, TFLITE_REAL, TFLITE_NCHW);
	inputs[1] = tflite_transposed(t, tflite_get(t, node, 1, TFLITE_REAL, TFLITE_NHWC), 4, PERM);
	inputs[2] = biased && inputs[1] ? tflite_real(t, node, 3) : NULL;
	if (!inputs[0] || !inputs[1] || (biased && !inputs[2]))
		return t->err->code;
	return conv_give(
		t, node, 3, tflite_write(t, "ConvTranspose", biased ? 3 : 2, inputs, 3, attrs));
}

// DEPTH_TO_SPACE and SPACE_TO_DEPTH: a block's channels lie in the order of its rows and columns.
static int conv_import_blocks(struct tflite *t, const struct tflite_node *node)
{
	const int64_t block = flatbuffer_int(&node->op->options, 0, 4, 0);
	const struct tflite_tensor *x = tflite_input(t, node, 0), *y = tflite_output(t, node, 0);
	const enum tflite_form form =
		tflite_has_scale(x) && y && tflite_is_alike(x, y) ? TFLITE_BYTES : TFLITE_REAL;
	const char *made;

	if (!conv_is_image(x) || block < 1 || block > WINDOW_MAX)
		return tflite_refuse(t, node, -EINVAL,
			"input should have 4 dimensions, and the block's size be above 0");
	made = tflite_get(t, node, 0, form, TFLITE_NCHW);
	made = tflite_write(t, node->op->code == 5 ? "DepthToSpace" : "SpaceToDepth", 1, &made, 1,
		&TFLITE_INT("blocksize", block));
	return tflite_give_form(t, node, 0, made, form, TFLITE_NCHW);
}

// By the nearest, or linearly between the four that are nearest. Without align_corners and half_pixel_centers the first
// of the pixels lie upon each other.
static int conv_import_resize(struct tflite *t, const struct tflite_node *node)
{
	static const int64_t AXES[2] = { 2, 3 };
	const struct flatbuffer_table *options = &node->op->options;
	const bool nearest = node->op->code == 97;
	const bool corners = flatbuffer_int(options, nearest ? 0 : 2, 1, 0) != 0;
	const bool centers = flatbuffer_int(options, nearest ? 1 : 3, 1, 0) != 0;
	const struct tflite_tensor *x = tflite_input(t, node, 0);
	const char *inputs[4] = { NULL, "", "", NULL };
	int64_t size[2];
	size_t n = 0;

	if (tflite_get_ints(t, node, 1, 2, size, &n))
		return t->err->code;
	if (!conv_is_image(x) || n != 2 || size[0] < 1 || size[1] < 1 || (corners && centers))
		return tflite_refuse(t, node, -EINVAL,
			"input should have 4 dimensions, the new height and width be above 0, and "
			"not both align_corners and half_pixel_centers be set");
	const struct tflite_attr attrs[] = { TFLITE_INTS("axes", 2, AXES),
		TFLITE_TEXT("mode", nearest ? "nearest" : "linear"),
		TFLITE_TEXT("coordinate_transformation_mode",
			corners           ? "align_corners"
				: centers ? "half_pixel"
					  : "asymmetric"),
		TFLITE_TEXT("nearest_mode", corners || centers ? "round_prefer_ceil" : "floor") };

	inputs[0] = tflite_get(t, node, 0, TFLITE_REAL, TFLITE_NCHW);
	inputs[3] = inputs[0] ? tflite_ints(t, 2, size) : NULL;
	if (!inputs[3])
		return t->err->code;
	return tflite_give(t, node, 0, tflite_write(t, "Resize", 4, inputs, 4, attrs), TFLITE_NCHW);
}

static int conv_import_pool(struct tflite *t, const struct tflite_node *node)
{
	const bool most = node->op->code == 17, squares = node->op->code == 12;
	int64_t strides[2], filter[2];
	const char *padding, *x;

	if (conv_read_pair(t, node, 2, 1, strides) || conv_read_pair(t, node, 4, 3, filter) ||
		conv_read_padding(t, node, &padding))
		return t->err->code;
	const struct tflite_attr attrs[] = { TFLITE_INTS("strides", 2, strides),
		TFLITE_INTS("kernel_shape", 2, filter), TFLITE_TEXT("auto_pad", padding) };

	x = tflite_get(t, node, 0, TFLITE_REAL, TFLITE_NCHW);
	if (squares) // the root of the mean of the squares
		x = tflite_pair(t, "Mul", x, x);
	x = tflite_write(t, most ? "MaxPool" : "AveragePool", 1, &x, 3, attrs);
	return conv_give(t, node, 5, squares ? tflite_one(t, "Sqrt", x) : x);
}

const struct tflite_builtin TFLITE_CONV[] = {
	{ 1, "AVERAGE_POOL_2D", 1, 1, 1, conv_import_pool },
	{ 3, "CONV_2D", 2, 3, 1, conv_import_whole },
	{ 4, "DEPTHWISE_CONV_2D", 2, 3, 1, conv_import_depthwise },
	{ 5, "DEPTH_TO_SPACE", 1, 1, 1, conv_import_blocks },
	{ 12, "L2_POOL_2D", 1, 1, 1, conv_import_pool },
	{ 17, "MAX_POOL_2D", 1, 1, 1, conv_import_pool },
	{ 23, "RESIZE_BILINEAR", 2, 2, 1, conv_import_resize },
	{ 26, "SPACE_TO_DEPTH", 1, 1, 1, conv_import_blocks },
	{ 67, "TRANSPOSE_CONV", 3, 4, 1, conv_import_transposed },
	{ 97, "RESIZE_NEAREST_NEIGHBOR", 2, 2, 1, conv_import_resize },
	{ .name = NULL },
};
