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

static int conv_import_pool(struct tflite *t, const struct tflite_node *node)
{
	const bool most = node->op->code == 17;
	int64_t strides[2], filter[2];
	const char *padding, *x;

	if (conv_read_pair(t, node, 2, 1, strides) || conv_read_pair(t, node, 4, 3, filter) ||
		conv_read_padding(t, node, &padding))
		return t->err->code;
	const struct tflite_attr attrs[] = { TFLITE_INTS("strides", 2, strides),
		TFLITE_INTS("kernel_shape", 2, filter), TFLITE_TEXT("auto_pad", padding) };

	x = tflite_get(t, node, 0, TFLITE_REAL, TFLITE_NCHW);
	return conv_give(
		t, node, 5, tflite_write(t, most ? "MaxPool" : "AveragePool", 1, &x, 3, attrs));
}

const struct tflite_builtin TFLITE_CONV[] = {
	{ 1, "AVERAGE_POOL_2D", 1, 1, 1, conv_import_pool },
	{ 3, "CONV_2D", 2, 3, 1, conv_import_whole },
	{ 4, "DEPTHWISE_CONV_2D", 2, 3, 1, conv_import_depthwise },
	{ 17, "MAX_POOL_2D", 1, 1, 1, conv_import_pool },
	{ .name = NULL },
};
