// SPDX-License-Identifier: BSD-3-Clause
// Resize and Upsample, axis by axis: nearest as a Gather of whole slices, linear and cubic as a
// product with a matrix of each output position's weights. Coordinates: ONNX's Operators.md,
// Resize.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/declared.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <math.h>
#include <string.h>

#define RESIZE_MOST  ((int64_t)1 << 20) // values along an axis
#define WEIGHTS_MOST ((int64_t)1 << 22) // of a matrix
#define TAPS         4

enum resize_mode { RESIZE_NEAREST, RESIZE_LINEAR, RESIZE_CUBIC };
enum coordinates {
	HALF_PIXEL,
	HALF_PIXEL_SYMMETRIC,
	PYTORCH_HALF,
	ALIGN_CORNERS,
	ASYMMETRIC,
	TF_NN
};
enum rounding { PREFER_FLOOR, PREFER_CEIL, FLOOR, CEIL };

struct resize {
	enum resize_mode mode;
	enum coordinates coordinates;
	enum rounding rounding;
	double a; // of the cubic
	bool exclude_outside;
};

struct axis {
	int64_t in, out;
	double scale;
};

// Which of `names` the attribute is; -EINVAL with the sentence made.
static int resize_choice(struct onnx *onnx, const struct onnx_node *node, const char *attribute,
	const char *const *names, int *index)
{
	const char *text;

	if (onnx_string(onnx, node, attribute, names[*index], &text))
		return onnx_refused(onnx);
	for (*index = 0; names[*index]; (*index)++) {
		if (strcmp(text, names[*index]) == 0)
			return 0;
	}
	return onnx_refuse(onnx, node, -ENOTSUP, "%s '%.30s' is not supported", attribute, text);
}

static int resize_read_modes(struct onnx *onnx, const struct onnx_node *node, struct resize *resize)
{
	static const char *const MODES[] = { "nearest", "linear", "cubic", NULL };
	static const char *const COORDINATES[] = { "half_pixel", "half_pixel_symmetric",
		"pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn", NULL };
	static const char *const ROUNDINGS[] = { "round_prefer_floor", "round_prefer_ceil", "floor",
		"ceil", NULL };
	static const char *const POLICIES[] = { "stretch", NULL };
	const bool old = onnx->opset < 11; // as Upsample: x / scale, rounded down
	int mode = 0, coordinates = old ? ASYMMETRIC : HALF_PIXEL;
	int rounding = old ? FLOOR : PREFER_FLOOR, policy = 0;
	int64_t exclude, antialias;
	float a;

	if (resize_choice(onnx, node, "mode", MODES, &mode) ||
		resize_choice(
			onnx, node, "coordinate_transformation_mode", COORDINATES, &coordinates) ||
		resize_choice(onnx, node, "nearest_mode", ROUNDINGS, &rounding) ||
		resize_choice(onnx, node, "keep_aspect_ratio_policy", POLICIES, &policy))
		return onnx_refused(onnx);
	if (onnx_float(onnx, node, "cubic_coeff_a", -0.75f, &a) ||
		onnx_int(onnx, node, "exclude_outside", 0, &exclude) ||
		onnx_int(onnx, node, "antialias", 0, &antialias))
		return onnx_refused(onnx);
	if (antialias != 0 || (exclude != 0 && mode != RESIZE_CUBIC))
		return onnx_refuse(onnx, node, -ENOTSUP,
			"antialias, and exclude_outside of another mode than cubic, are not "
			"supported");
	*resize = (struct resize){ (enum resize_mode)mode, (enum coordinates)coordinates,
		(enum rounding)rounding, (double)a, exclude != 0 };
	return 0;
}

// The input coordinate, in values, that output position i stands for.
static double resize_position(const struct resize *resize, const struct axis *axis, int64_t i)
{
	const double x = (double)i, scale = axis->scale;
	const double middle = (double)axis->in / 2;

	switch (resize->coordinates) {
	case HALF_PIXEL_SYMMETRIC:
		return middle * (1 - (double)axis->out / (scale * (double)axis->in)) +
			(x + 0.5) / scale - 0.5;
	case PYTORCH_HALF:
		return axis->out > 1 ? (x + 0.5) / scale - 0.5 : 0;
	case ALIGN_CORNERS:
		// The resized length as the reference has it: not rounded down.
		return axis->out > 1 ? x * (double)(axis->in - 1) / (scale * (double)axis->in - 1)
				     : 0;
	case ASYMMETRIC:
		return x / scale;
	case TF_NN:
		return (x + 0.5) / scale;
	default:
		return (x + 0.5) / scale - 0.5;
	}
}

static int64_t resize_inside(const struct axis *axis, double position)
{
	return position < 0                         ? 0
		: position > (double)(axis->in - 1) ? axis->in - 1
						    : (int64_t)position;
}

static int64_t resize_nearest(const struct resize *resize, const struct axis *axis, int64_t i)
{
	const double position = resize_position(resize, axis, i);

	switch (resize->rounding) {
	case PREFER_CEIL:
		return resize_inside(axis, floor(position + 0.5));
	case FLOOR:
		return resize_inside(axis, floor(position));
	case CEIL:
		return resize_inside(axis, ceil(position));
	default:
		return resize_inside(axis, ceil(position - 0.5));
	}
}

// Keys' cubic convolution at distance t, 0 to 2.
static double resize_cubic(double a, double t)
{
	return t <= 1 ? ((a + 2) * t - (a + 3)) * t * t + 1 : a * (((t - 5) * t + 8) * t - 4);
}

// The weights of one output position, beyond the edges the edge's value: row [in], zeroed.
static void resize_weigh(
	const struct resize *resize, const struct axis *axis, int64_t i, float *row)
{
	const double position = resize_position(resize, axis, i), first = floor(position) - 1;
	double weights[TAPS], sum = 0;

	for (int t = 0; t < TAPS; t++) {
		const double at = first + t, away = fabs(position - at);

		weights[t] = resize->mode == RESIZE_CUBIC ? resize_cubic(resize->a, away)
							  : fmax(0, 1 - away);
		if (resize->exclude_outside && (at < 0 || at > (double)(axis->in - 1)))
			weights[t] = 0;
		sum += weights[t];
	}
	for (int t = 0; t < TAPS; t++)
		row[resize_inside(axis, first + t)] +=
			(float)(resize->exclude_outside ? weights[t] / sum : weights[t]);
}

// x [outer, in, inner] to [outer, out, inner].
static uint32_t resize_axis(struct onnx *onnx, const struct onnx_node *node,
	const struct resize *resize, const struct axis *axis, uint32_t x)
{
	const struct attr second = ONNX_INT(ATTR_AXIS, 1);
	const int64_t dims[2] = { axis->out, axis->in };
	const bool gather = resize->mode == RESIZE_NEAREST;
	void *data;
	uint32_t by, inputs[2];

	if (x == GRAPH_NONE)
		return GRAPH_NONE;
	if (!gather && axis->out > WEIGHTS_MOST / axis->in) {
		onnx_refuse(onnx, node, -ENOTSUP,
			"%lld positions from %lld are too many to interpolate",
			(long long)axis->out, (long long)axis->in);
		return GRAPH_NONE;
	}
	by = onnx_made(onnx, node, gather ? DTYPE_I64 : DTYPE_F32, gather ? 1 : 2, dims, &data);
	if (by == GRAPH_NONE)
		return GRAPH_NONE;
	inputs[0] = x;
	inputs[1] = by;
	for (int64_t i = 0; i < axis->out; i++) {
		if (gather)
			((int64_t *)data)[i] = resize_nearest(resize, axis, i);
		else
			resize_weigh(resize, axis, i, (float *)data + i * axis->in);
	}
	if (gather)
		return onnx_emit(onnx, node, OP_GATHER, 2, inputs, 1, &second);
	return onnx_emit_pair(onnx, node, OP_MATMUL, by, x);
}

static int resize_emit(struct onnx *onnx, const struct onnx_node *node, const struct resize *resize,
	const struct axis *axes)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	int64_t dims[GRAPH_RANK_MAX];
	uint32_t at = node->inputs[0];

	if (resize->mode != RESIZE_NEAREST && x.dtype != DTYPE_F32)
		return onnx_refuse(onnx, node, -ENOTSUP, "only floats are interpolated");
	memcpy(dims, x.dims, sizeof(dims));
	for (uint32_t d = 0; d < x.rank && at != GRAPH_NONE; d++) {
		int64_t three[3] = { 1, axes[d].in, 1 };

		if (axes[d].in == axes[d].out && axes[d].scale == 1)
			continue;
		for (uint32_t e = 0; e < x.rank; e++)
			three[e < d ? 0 : 2] *= e == d ? 1 : dims[e];
		dims[d] = axes[d].out;
		at = onnx_emit_reshape(onnx, node, at, 3, three);
		at = resize_axis(onnx, node, resize, &axes[d], at);
	}
	at = onnx_emit_reshape(onnx, node, at, x.rank, dims);
	return onnx_output(onnx, node, 0, at);
}

// The k-th of `count` sizes or scales is dimension which[k]'s: attribute "axes", or all in order.
static int resize_read_axes(
	struct onnx *onnx, const struct onnx_node *node, uint32_t count, uint32_t *which)
{
	const uint32_t rank = onnx_input(onnx, node, 0)->rank;
	const Onnx__AttributeProto *attr;

	if (onnx_attr(onnx, node, "axes", ONNX_ATTRIBUTE(INTS), &attr))
		return onnx_refused(onnx);
	if (count != (attr ? attr->n_ints : rank) || count > rank)
		return onnx_refuse(onnx, node, -EINVAL,
			"has %u scales or sizes, should have one for each axis", count);
	for (uint32_t k = 0; k < count; k++) {
		const int64_t axis = attr ? attr->ints[k] : (int64_t)k;

		if (axis < -(int64_t)rank || axis >= (int64_t)rank)
			return onnx_refuse(onnx, node, -EINVAL,
				"axis %lld, the input has %u dimensions", (long long)axis, rank);
		which[k] = (uint32_t)(axis < 0 ? axis + rank : axis);
	}
	return 0;
}

static int resize_by_sizes(struct onnx *onnx, const struct onnx_node *node, struct axis *axes)
{
	int64_t declared[GRAPH_RANK_MAX];
	const int64_t *sizes = declared;
	uint32_t count = 0, which[GRAPH_RANK_MAX] = { 0 };

	if (!onnx_input(onnx, node, 3)->data && node->proto->n_output == 1 &&
		onnx_declared_shape(onnx, node->proto->output[0], &count, declared)) {
		if (count != onnx_input(onnx, node, 0)->rank)
			return onnx_refuse(onnx, node, -EINVAL,
				"the file declares %u dimensions of the output, the input has %u",
				count, onnx_input(onnx, node, 0)->rank);
		for (uint32_t k = 0; k < count; k++)
			which[k] = k;
	} else if (onnx_input_ints(onnx, node, 3, &count, &sizes) ||
		resize_read_axes(onnx, node, count, which)) {
		return onnx_refused(onnx);
	}
	for (uint32_t k = 0; k < count; k++) {
		struct axis *axis = &axes[which[k]];

		if (sizes[k] < 1 || sizes[k] > RESIZE_MOST)
			return onnx_refuse(onnx, node, -EINVAL,
				"a size is %lld, should be 1 to %lld", (long long)sizes[k],
				(long long)RESIZE_MOST);
		axis->out = sizes[k];
		axis->scale = (double)axis->out / (double)axis->in;
	}
	return 0;
}

static int resize_by_scales(struct onnx *onnx, const struct onnx_node *node, const float *scales,
	uint32_t count, struct axis *axes)
{
	uint32_t which[GRAPH_RANK_MAX] = { 0 };

	if (resize_read_axes(onnx, node, count, which))
		return onnx_refused(onnx);
	for (uint32_t k = 0; k < count; k++) {
		struct axis *axis = &axes[which[k]];
		const double out = floor((double)axis->in * (double)scales[k]);

		if (!(out >= 1 && out <= (double)RESIZE_MOST))
			return onnx_refuse(onnx, node, -EINVAL,
				"scale %g of a dimension of %lld, should leave 1 to %lld positions",
				(double)scales[k], (long long)axis->in, (long long)RESIZE_MOST);
		axis->out = (int64_t)out;
		axis->scale = (double)scales[k];
	}
	return 0;
}

static bool resize_is_there(const struct onnx *onnx, const struct onnx_node *node, uint32_t i)
{
	return i < node->n_inputs && node->inputs[i] != GRAPH_NONE &&
		tensor_elements(onnx_input(onnx, node, i)) > 0;
}

static int resize_read_scales(
	struct onnx *onnx, const struct onnx_node *node, uint32_t input, struct axis *axes)
{
	const struct tensor *scales;
	const Onnx__AttributeProto *attr;

	if (!resize_is_there(onnx, node, input)) { // Upsample before opset 9
		if (onnx_attr(onnx, node, "scales", ONNX_ATTRIBUTE(FLOATS), &attr))
			return onnx_refused(onnx);
		if (!attr || attr->n_floats > GRAPH_RANK_MAX)
			return onnx_refuse(onnx, node, -EINVAL, "has no scales and no sizes");
		return resize_by_scales(onnx, node, attr->floats, (uint32_t)attr->n_floats, axes);
	}
	scales = onnx_input(onnx, node, input);
	if (!scales->data || scales->dtype != DTYPE_F32 || scales->rank != 1 ||
		scales->dims[0] > GRAPH_RANK_MAX)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"input %u ('%s'), the scales, must be a constant list of floats", input,
			scales->name);
	return resize_by_scales(onnx, node, scales->data, (uint32_t)scales->dims[0], axes);
}

static int import_resize(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor *x = onnx_input(onnx, node, 0);
	const uint32_t scales = onnx->opset < 11 || strcmp(node->type, "Upsample") == 0 ? 1 : 2;
	struct axis axes[GRAPH_RANK_MAX] = { 0 };
	struct resize resize = { 0 };
	int rc = resize_read_modes(onnx, node, &resize);

	for (uint32_t d = 0; d < x->rank; d++)
		axes[d] = (struct axis){ x->dims[d], x->dims[d], 1 };
	if (rc != 0)
		return rc;
	if (tensor_elements(x) == 0)
		return onnx_refuse(
			onnx, node, -ENOTSUP, "the input %s is empty", tensor_shape_text(x).text);
	rc = resize_is_there(onnx, node, 3) ? resize_by_sizes(onnx, node, axes)
					    : resize_read_scales(onnx, node, scales, axes);
	return rc != 0 ? rc : resize_emit(onnx, node, &resize, axes);
}

const struct onnx_operator ONNX_RESIZE[] = {
	{ "Resize", 1, 4, .import = import_resize },
	{ "Upsample", 1, 2, .import = import_resize },
	{ .type = NULL },
};
