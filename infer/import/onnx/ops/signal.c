// SPDX-License-Identifier: BSD-3-Clause
// Windows and Fourier transforms of a length that is known: a transform is a product with a constant
// matrix, as Operators.md defines DFT and STFT.
#include "infer/import/onnx/as.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"
#include "infer/ops/values.h"

#include <math.h>
#include <string.h>

#define SIGNAL_LENGTH_MAX   (1 << 20)
#define SIGNAL_ELEMENTS_MAX ((int64_t)1 << 24) // of a matrix

// One whole number of input i, in 1 to SIGNAL_LENGTH_MAX; `otherwise` where it is left out.
static int signal_length(struct onnx *onnx, const struct onnx_node *node, uint32_t i,
	int64_t otherwise, int64_t *length)
{
	const struct tensor *in;

	*length = otherwise;
	if (!onnx_is_given(node, i))
		return 0;
	in = onnx_input(onnx, node, i);
	if (!in->data)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"input %u ('%.80s'), a length, is computed; it must be constant", i,
			in->name);
	if (tensor_elements(in) != 1 || in->dtype == DTYPE_F32)
		return onnx_refuse(onnx, node, -EINVAL, "input %u should be one whole number", i);
	*length = (int64_t)value_integer(in->dtype, in->data, 0);
	if (*length < 1 || *length > SIGNAL_LENGTH_MAX)
		return onnx_refuse(onnx, node, -EINVAL, "input %u is %lld, should be 1 to %d", i,
			(long long)*length, SIGNAL_LENGTH_MAX);
	return 0;
}

// a0 - a1 cos(2 pi n / N) + a2 cos(4 pi n / N); N is the size, or one less of a symmetric one.
static int signal_window(
	struct onnx *onnx, const struct onnx_node *node, double a0, double a1, double a2)
{
	int64_t size, periodic, type;
	enum dtype dtype;
	uint32_t made;
	void *data;

	if (signal_length(onnx, node, 0, 0, &size) ||
		onnx_int(onnx, node, "periodic", 1, &periodic) ||
		onnx_int(
			onnx, node, "output_datatype", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, &type))
		return onnx_refused(onnx);
	if (!onnx_dtype(type, &dtype) || dtype != DTYPE_F32)
		return onnx_refuse(onnx, node, -ENOTSUP, "output_datatype is %s, should be a float",
			onnx_type_name(type));
	if (size < 2)
		return onnx_refuse(onnx, node, -ENOTSUP, "a window of one value");
	made = onnx_made(onnx, node, DTYPE_F32, 1, &size, &data);
	for (int64_t n = 0; made != GRAPH_NONE && n < size; n++) {
		const double at = 2 * M_PI * (double)n / (double)(periodic ? size : size - 1);

		((float *)data)[n] = (float)(a0 - a1 * cos(at) + a2 * cos(2 * at));
	}
	return onnx_output(onnx, node, 0, made);
}

static int import_hann_window(struct onnx *onnx, const struct onnx_node *node)
{
	return signal_window(onnx, node, 0.5, 0.5, 0);
}

static int import_hamming_window(struct onnx *onnx, const struct onnx_node *node)
{
	return signal_window(onnx, node, 25.0 / 46, 21.0 / 46, 0);
}

static int import_blackman_window(struct onnx *onnx, const struct onnx_node *node)
{
	return signal_window(onnx, node, 0.42, 0.5, 0.08);
}

struct transform {
	int64_t length; // of the transform
	int64_t taken;  // values that are there: the others are 0
	int64_t parts;  // 1: they are real; 2: and imaginary
	int64_t n;      // values that it gives
	bool inverse;
};

// [taken * parts, n * 2]: what each part of each value adds to each part of each result.
static uint32_t transform_matrix(
	struct onnx *onnx, const struct onnx_node *node, const struct transform *t)
{
	const int64_t dims[2] = { t->taken * t->parts, t->n * 2 };
	uint32_t made;
	void *data;
	float *at;

	if (dims[0] * dims[1] > SIGNAL_ELEMENTS_MAX) {
		onnx_refuse(onnx, node, -ENOTSUP,
			"a transform of %lld values to %lld is too large: its matrix has at most "
			"%lld "
			"elements",
			(long long)t->taken, (long long)t->n, (long long)SIGNAL_ELEMENTS_MAX);
		return GRAPH_NONE;
	}
	made = onnx_made(onnx, node, DTYPE_F32, 2, dims, &data);
	at = data;
	for (int64_t k = 0; made != GRAPH_NONE && k < t->taken; k++) {
		for (int64_t m = 0; m < t->n; m++) {
			const double turn =
				2 * M_PI * (double)(k * m % t->length) / (double)t->length;
			const double scale = t->inverse ? 1 / (double)t->length : 1;
			const float re = (float)(scale * cos(turn));
			const float im = (float)(scale * (t->inverse ? sin(turn) : -sin(turn)));
			float *of_real = at + k * t->parts * dims[1] + 2 * m;

			of_real[0] = re;
			of_real[1] = im;
			if (t->parts == 2) {
				of_real[dims[1]] = -im;
				of_real[dims[1] + 1] = re;
			}
		}
	}
	return made;
}

// The axis and the parts behind it become the last two dimensions, and one row of the product.
static int transform_along(
	struct onnx *onnx, const struct onnx_node *node, uint32_t axis, const struct transform *t)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	int64_t perm[GRAPH_RANK_MAX], back[GRAPH_RANK_MAX], dims[GRAPH_RANK_MAX];
	uint32_t made = node->inputs[0], rank = x.rank, n = 0;

	if (t->taken < x.dims[axis])
		made = onnx_emit_part(onnx, node, made, axis, 0, t->taken, 1);
	for (uint32_t d = 0; d + 1 < rank; d++) {
		if (d != axis)
			perm[n++] = d;
	}
	perm[rank - 2] = axis;
	perm[rank - 1] = rank - 1;
	for (uint32_t d = 0; d < rank; d++) {
		back[perm[d]] = d;
		dims[d] = x.dims[perm[d]];
	}
	made = onnx_emit_transpose(onnx, node, made, perm);
	dims[rank - 2] = t->taken * t->parts;
	made = onnx_emit_reshape(onnx, node, made, rank - 1, dims);
	made = onnx_emit_pair(onnx, node, OP_MATMUL, made, transform_matrix(onnx, node, t));
	dims[rank - 2] = t->n;
	dims[rank - 1] = 2;
	made = onnx_emit_reshape(onnx, node, made, rank, dims);
	return onnx_output(onnx, node, 0, onnx_emit_transpose(onnx, node, made, back));
}

// The axis is an attribute before opset 20, and an input since.
static int transform_axis(struct onnx *onnx, const struct onnx_node *node, uint32_t *axis)
{
	const struct tensor *x = onnx_input(onnx, node, 0);
	int64_t given = -2;

	if (onnx->opset < 20 && onnx_int(onnx, node, "axis", 1, &given))
		return onnx_refused(onnx);
	if (onnx_is_given(node, 2)) {
		const struct tensor *in = onnx_input(onnx, node, 2);

		if (!in->data || tensor_elements(in) != 1 || in->dtype == DTYPE_F32)
			return onnx_refuse(onnx, node, -ENOTSUP,
				"input 2, the axis, must be one constant whole number");
		given = (int64_t)value_integer(in->dtype, in->data, 0);
	}
	given += given < 0 ? x->rank : 0;
	if (x->rank < 2 || given < 0 || given >= (int64_t)x->rank - 1 ||
		(x->dims[x->rank - 1] != 1 && x->dims[x->rank - 1] != 2))
		return onnx_refuse(onnx, node, -EINVAL,
			"the input, %s, should have an axis %lld and behind it 1 or 2 parts of a "
			"number",
			tensor_shape_text(x).text, (long long)given);
	*axis = (uint32_t)given;
	return 0;
}

static int import_dft(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	struct transform t = { 0 };
	int64_t inverse, onesided;
	uint32_t axis = 0;

	node->inputs[0] = onnx_as(onnx, node, node->inputs[0], DTYPE_F32);
	if (node->inputs[0] == GRAPH_NONE || transform_axis(onnx, node, &axis) ||
		signal_length(onnx, node, 1, x.dims[axis], &t.length) ||
		onnx_int(onnx, node, "inverse", 0, &inverse) ||
		onnx_int(onnx, node, "onesided", 0, &onesided))
		return onnx_refused(onnx);
	t.parts = x.dims[x.rank - 1];
	t.taken = t.length < x.dims[axis] ? t.length : x.dims[axis];
	t.n = onesided ? t.length / 2 + 1 : t.length;
	t.inverse = inverse != 0;
	if (onesided && (inverse || t.parts == 2))
		return onnx_refuse(onnx, node, -ENOTSUP,
			"onesided is supported of real numbers, and not for the inverse");
	if (t.length < 1)
		return onnx_refuse(onnx, node, -EINVAL, "the input has no values along the axis");
	return transform_along(onnx, node, axis, &t);
}

// Which value of the signal each frame has at each place: [frames, length].
static uint32_t frame_places(struct onnx *onnx, const struct onnx_node *node, int64_t frames,
	int64_t step, int64_t length)
{
	const int64_t dims[2] = { frames, length };
	uint32_t made;
	void *data;

	if (frames > SIGNAL_ELEMENTS_MAX / length) {
		onnx_refuse(onnx, node, -ENOTSUP, "%lld frames of %lld values are too many",
			(long long)frames, (long long)length);
		return GRAPH_NONE;
	}
	made = onnx_made(onnx, node, DTYPE_I64, 2, dims, &data);
	for (int64_t f = 0; made != GRAPH_NONE && f < frames; f++) {
		for (int64_t i = 0; i < length; i++)
			((int64_t *)data)[f * length + i] = f * step + i;
	}
	return made;
}

// Frames of the signal [batch, length, 1], each under the window and transformed.
static int import_stft(struct onnx *onnx, const struct onnx_node *node)
{
	const struct attr along = ONNX_INT(ATTR_AXIS, 1);
	const struct tensor x = *onnx_input(onnx, node, 0);
	struct transform t = { 0 };
	int64_t step, onesided, frames;
	uint32_t pair[2], made;

	node->inputs[0] = onnx_as(onnx, node, node->inputs[0], DTYPE_F32);
	if (node->inputs[0] == GRAPH_NONE || signal_length(onnx, node, 1, 1, &step) ||
		onnx_int(onnx, node, "onesided", 1, &onesided))
		return onnx_refused(onnx);
	if (onnx_is_given(node, 2))
		t.length = tensor_elements(onnx_input(onnx, node, 2));
	if (signal_length(onnx, node, 3, t.length, &t.length))
		return onnx_refused(onnx);
	if (x.rank != 3 || x.dims[2] != 1)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"the signal is %s, should be real numbers, [batch, length, 1]",
			tensor_shape_text(&x).text);
	if (t.length < 1 || t.length > x.dims[1] ||
		(onnx_is_given(node, 2) && tensor_elements(onnx_input(onnx, node, 2)) != t.length))
		return onnx_refuse(onnx, node, -EINVAL,
			"frames of %lld values, which the window or the signal, %s, have not",
			(long long)t.length, tensor_shape_text(&x).text);
	frames = (x.dims[1] - t.length) / step + 1;
	t.taken = t.length;
	t.parts = 1;
	t.n = onesided ? t.length / 2 + 1 : t.length;
	const int64_t window[2] = { t.length, 1 };
	const int64_t rows[3] = { x.dims[0], frames, t.length };
	const int64_t result[4] = { x.dims[0], frames, t.n, 2 };

	pair[0] = node->inputs[0];
	pair[1] = frame_places(onnx, node, frames, step, t.length);
	if (pair[1] == GRAPH_NONE)
		return onnx_refused(onnx);
	made = onnx_emit(onnx, node, OP_GATHER, 2, pair, 1, &along);
	if (onnx_is_given(node, 2))
		made = onnx_emit_pair(onnx, node, OP_MUL, made,
			onnx_emit_reshape(onnx, node, node->inputs[2], 2, window));
	made = onnx_emit_reshape(onnx, node, made, 3, rows);
	made = onnx_emit_pair(onnx, node, OP_MATMUL, made, transform_matrix(onnx, node, &t));
	return onnx_output(onnx, node, 0, onnx_emit_reshape(onnx, node, made, 4, result));
}

const struct onnx_operator ONNX_SIGNAL[] = {
	{ "HannWindow", 1, 1, .import = import_hann_window },
	{ "HammingWindow", 1, 1, .import = import_hamming_window },
	{ "BlackmanWindow", 1, 1, .import = import_blackman_window },
	{ "DFT", 1, 3, .import = import_dft },
	{ "STFT", 2, 4, .import = import_stft },
	{ .type = NULL },
};
