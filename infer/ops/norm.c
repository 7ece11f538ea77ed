// SPDX-License-Identifier: BSD-3-Clause
// Softmax and the normalisations: operators that scale the values of a row, or of a channel, by
// figures of all of them.
#include "infer/ops/plain.h"
#include "infer/ops/rule.h"
#include "infer/ops/values.h"

#include <float.h>
#include <math.h>
#include <string.h>

int shape_softmax(const struct inference *in, struct tensor *out)
{
	uint32_t axis;

	if (shape_unary(in, out) != 0)
		return -EINVAL;
	return shape_need_axis(in, shape_input(in, 0)->rank, -1, &axis);
}

int shape_batch_norm(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);

	if (shape_unary(in, out) != 0)
		return -EINVAL;
	if (x->rank < 2)
		return shape_refuse(in, "input %s has no channel dimension, should be [N, C, ...]",
			tensor_shape_text(x).text);
	for (uint32_t i = 1; i <= 4; i++) {
		if (shape_need_vector(in, i, x->dims[1]) != 0)
			return -EINVAL;
	}
	return 0;
}

int shape_layer_norm(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);
	struct tensor normalised = { 0 };
	uint32_t axis;

	if (shape_unary(in, out) != 0 || shape_need_axis(in, x->rank, -1, &axis) != 0)
		return -EINVAL;
	for (uint32_t o = 1; o < in->node->n_outputs; o++) { // mean, then inverse deviation
		shape_copy(&out[o], x);
		for (uint32_t d = axis; d < x->rank; d++)
			out[o].dims[d] = 1;
	}
	normalised.rank = x->rank - axis;
	memcpy(normalised.dims, x->dims + axis, normalised.rank * sizeof(*x->dims));
	if (shape_need_broadcast_to(in, 1, &normalised) != 0)
		return -EINVAL;
	return shape_need_broadcast_to(in, 2, &normalised);
}

int shape_normalizer(const struct inference *in, struct tensor *out)
{
	if (shape_unary(in, out) != 0 || shape_need_int(in, ATTR_NORM, 0, 0, NORM_COUNT - 1) != 0)
		return -EINVAL;
	if (shape_input(in, 0)->rank == 0)
		return shape_refuse(in, "the input is a scalar, should be [..., C]");
	return 0;
}

// --- Values -------------------------------------------------------------------------------------

// The product of a shape's dimensions from `first` to before `end`.
static size_t norm_size(const struct tensor *x, uint32_t first, uint32_t end)
{
	size_t size = 1;

	for (uint32_t d = first; d < end; d++)
		size *= (size_t)x->dims[d];
	return size;
}

// Softmax of n values that are `step` apart. The largest is subtracted first, so that nothing
// overflows.
static void softmax_line(const float *x, float *y, size_t n, size_t step, bool log_of)
{
	double most = (double)x[0], sum = 0;

	for (size_t i = 1; i < n; i++)
		most = (double)x[i * step] > most ? (double)x[i * step] : most;
	for (size_t i = 0; i < n; i++)
		sum += exp((double)x[i * step] - most);
	for (size_t i = 0; i < n; i++) {
		const double below = (double)x[i * step] - most;

		y[i * step] = (float)(log_of ? below - log(sum) : exp(below) / sum);
	}
}

static void softmax_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &plain->in[0];
	uint32_t axis = 0;
	size_t n, inner, lines;

	if (tensor_elements(in) == 0)
		return;
	node_axis(plain->node, in->rank, -1, &axis); // the shape rule has seen to it
	n = (size_t)in->dims[axis];
	inner = norm_size(in, axis + 1, in->rank);
	lines = norm_size(in, 0, axis) * inner;
	for (size_t line = 0; line < lines; line++) {
		const size_t at = line / inner * n * inner + line % inner;

		softmax_line((const float *)x[0] + at, (float *)y[0] + at, n, inner,
			plain->node->op == OP_LOG_SOFTMAX);
	}
}

// Inputs: x [N, C, ...], scale, bias, mean, variance [C].
static void batch_norm_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &plain->in[0];
	const float *values = x[0], *scale = x[1], *bias = x[2], *mean = x[3], *variance = x[4];
	const double epsilon = (double)node_float(plain->node, ATTR_EPSILON, 1e-5f);
	const size_t count = (size_t)tensor_elements(in), channels = (size_t)in->dims[1];
	const size_t inner = norm_size(in, 2, in->rank);

	for (size_t i = 0; i < count; i++) {
		const size_t c = i / inner % channels;
		const double factor = (double)scale[c] / sqrt((double)variance[c] + epsilon);

		((float *)y[0])[i] =
			(float)(((double)values[i] - (double)mean[c]) * factor + (double)bias[c]);
	}
}

// Rows are the dimensions from AXIS on. y[1], y[2]: the mean and the inverse deviation of each.
static void layer_norm_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &plain->in[0];
	const double epsilon = (double)node_float(plain->node, ATTR_EPSILON, 1e-5f);
	const float *row = x[0], *scale = x[1], *bias = plain->n_in > 2 ? x[2] : NULL;
	struct tensor normalised = { .dtype = DTYPE_F32 };
	float *to = y[0];
	uint32_t axis = 0;
	size_t n, rows;

	if (tensor_elements(in) == 0)
		return;
	node_axis(plain->node, in->rank, -1, &axis);
	n = norm_size(in, axis, in->rank);
	rows = norm_size(in, 0, axis);
	normalised.rank = in->rank - axis;
	memcpy(normalised.dims, in->dims + axis, normalised.rank * sizeof(*in->dims));
	for (size_t r = 0; r < rows; r++, row += n, to += n) {
		double mean = 0, squares = 0, inverse;
		struct walk walk;

		for (size_t i = 0; i < n; i++)
			mean += (double)row[i] / (double)n;
		for (size_t i = 0; i < n; i++)
			squares += ((double)row[i] - mean) * ((double)row[i] - mean);
		inverse = 1 / sqrt(squares / (double)n + epsilon);
		walk_init(&walk, &normalised);
		walk_broadcast(&walk, 0, &plain->in[1]);
		if (bias)
			walk_broadcast(&walk, 1, &plain->in[2]);
		for (size_t i = 0; y[0] && walk.left > 0; walk_next(&walk), i++)
			to[i] = (float)(((double)row[i] - mean) * inverse *
					(double)scale[walk.at[0]] +
				(bias ? (double)bias[walk.at[1]] : 0));
		if (plain->n_out > 1 && y[1])
			((float *)y[1])[r] = (float)mean;
		if (plain->n_out > 2 && y[2])
			((float *)y[2])[r] = (float)inverse;
	}
}

// As ONNX Runtime computes it: MAX divides by the largest value (not by the largest magnitude), L1
// by the sum of magnitudes, L2 by the root of the sum of squares; a norm of 0 leaves the row as it
// is.
static double normalizer_plain_norm(enum norm norm, const float *x, size_t n)
{
	double total = norm == NORM_MAX ? (double)-FLT_MAX : 0;

	for (size_t i = 0; i < n; i++) {
		const double value = (double)x[i];

		if (norm == NORM_MAX)
			total = value > total ? value : total;
		else
			total += norm == NORM_L1 ? fabs(value) : value * value;
	}
	return norm == NORM_L2 ? sqrt(total) : total;
}

static void normalizer_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &plain->in[0];
	const enum norm kind = (enum norm)node_int(plain->node, ATTR_NORM, 0);
	const size_t count = (size_t)tensor_elements(in), n = (size_t)in->dims[in->rank - 1];

	for (size_t at = 0; at < count; at += n) {
		const float *row = (const float *)x[0] + at;
		const double norm = normalizer_plain_norm(kind, row, n);

		for (size_t i = 0; i < n; i++)
			((float *)y[0])[at + i] =
				norm != 0 ? (float)((double)row[i] / norm) : row[i];
	}
}

const struct plain_op plain_softmax = { .run = softmax_plain };
const struct plain_op plain_batch_norm = { .run = batch_norm_plain };
const struct plain_op plain_layer_norm = { .run = layer_norm_plain };
const struct plain_op plain_normalizer = { .run = normalizer_plain };
