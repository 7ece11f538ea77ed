// SPDX-License-Identifier: BSD-3-Clause
// Operators that move values and compute none; they take any dtype and look at its size only.
#include "infer/ops/plain.h"
#include "infer/ops/rule.h"
#include "infer/ops/values.h"

#include <inttypes.h>
#include <string.h>

// --- Shapes --------------------------------------------------------------------------------------

// Fills in the dimension given as -1, if there is one, and those given as 0 with the input's.
static int reshape_resolve(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);
	int64_t known = 1;
	uint32_t open = GRAPH_RANK_MAX;

	for (uint32_t d = 0; d < out->rank; d++) {
		if (d < x->rank && out->dims[d] == 0)
			out->dims[d] = x->dims[d];
		if (out->dims[d] == -1 && open == GRAPH_RANK_MAX) {
			open = d;
			continue;
		}
		if (out->dims[d] < 0 || out->dims[d] > GRAPH_ELEMENTS_MAX ||
			(known *= out->dims[d]) > GRAPH_ELEMENTS_MAX)
			return -EINVAL;
	}
	if (open < GRAPH_RANK_MAX) {
		if (known == 0 || tensor_elements(x) % known != 0)
			return -EINVAL;
		out->dims[open] = tensor_elements(x) / known;
		known = tensor_elements(x);
	}
	return known == tensor_elements(x) ? 0 : -EINVAL;
}

int shape_reshape(const struct inference *in, struct tensor *out)
{
	const struct attr *shape = node_attr(in->node, ATTR_SHAPE);

	if (!shape || shape->kind != ATTR_KIND_INTS || shape->count > GRAPH_RANK_MAX)
		return shape_refuse(in,
			"attribute \"shape\" is missing or has more than %d dimensions",
			GRAPH_RANK_MAX);
	out->dtype = shape_input(in, 0)->dtype;
	out->rank = shape->count;
	memset(out->dims, 0, sizeof(out->dims));
	memcpy(out->dims, shape->ints, shape->count * sizeof(*shape->ints));
	if (reshape_resolve(in, out) != 0) {
		struct tensor wanted = { .rank = shape->count };

		memcpy(wanted.dims, shape->ints, shape->count * sizeof(*shape->ints));
		return shape_refuse(in, "input %s cannot be reshaped to %s",
			tensor_shape_text(shape_input(in, 0)).text,
			tensor_shape_text(&wanted).text);
	}
	return 0;
}

int shape_concat(const struct inference *in, struct tensor *out)
{
	const struct tensor *first = shape_input(in, 0);
	uint32_t axis;

	if (!node_attr(in->node, ATTR_AXIS))
		return shape_refuse(in, "attribute \"axis\" is missing");
	if (shape_need_axis(in, first->rank, 0, &axis) != 0)
		return -EINVAL;
	shape_copy(out, first);
	for (uint32_t i = 1; i < in->node->n_inputs; i++) {
		const struct tensor *next = shape_input(in, i);

		if (!next || next->dtype != first->dtype || next->rank != first->rank)
			return shape_refuse(in,
				"input %" PRIu32 " differs in element type or rank from input 0",
				i);
		for (uint32_t d = 0; d < first->rank; d++) {
			if (d != axis && next->dims[d] != first->dims[d])
				return shape_refuse_pair(
					in, 0, i, "they differ outside the concatenated axis");
		}
		out->dims[axis] += next->dims[axis]; // at most GRAPH_NODE_IO_MAX << 28
	}
	return 0;
}

int shape_cast(const struct inference *in, struct tensor *out)
{
	if (!node_attr(in->node, ATTR_TO) ||
		shape_need_int(in, ATTR_TO, 0, 0, DTYPE_COUNT - 1) != 0)
		return shape_refuse(in, "attribute \"to\" is missing or no element type");
	shape_copy(out, shape_input(in, 0));
	out->dtype = (enum dtype)node_int(in->node, ATTR_TO, 0);
	return 0;
}

int shape_transpose(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);
	const struct attr *perm = node_attr(in->node, ATTR_PERM);
	uint32_t seen = 0;

	if (perm && (perm->kind != ATTR_KIND_INTS || perm->count != x->rank))
		return shape_refuse(in,
			"attribute \"perm\" should name each of the %" PRIu32 " dimensions",
			x->rank);
	*out = (struct tensor){ .dtype = x->dtype, .rank = x->rank };
	for (uint32_t d = 0; d < x->rank; d++) {
		int64_t from = perm ? perm->ints[d] : x->rank - 1 - d;

		if (from < 0 || from >= x->rank || (seen >> from & 1))
			return shape_refuse(in,
				"attribute \"perm\" should name each dimension once, not %" PRId64,
				from);
		seen |= 1u << from;
		out->dims[d] = x->dims[from];
	}
	return 0;
}

// An attribute with one integer for each dimension of x; NULL with the sentence made.
static const int64_t *move_need_ints(const struct inference *in, enum attr_key key)
{
	const struct attr *attr = node_attr(in->node, key);

	if (attr && attr->kind == ATTR_KIND_INTS && attr->count == shape_input(in, 0)->rank)
		return attr->ints;
	shape_refuse(in, "attribute \"%s\" should have a number for each of %" PRIu32 " dimensions",
		attr_name(key), shape_input(in, 0)->rank);
	return NULL;
}

// STARTS and STEPS of each dimension, and SHAPE: how many values of each are taken.
int shape_slice(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);
	const int64_t *starts = move_need_ints(in, ATTR_STARTS),
		      *steps = move_need_ints(in, ATTR_STEPS);
	const int64_t *counts = move_need_ints(in, ATTR_SHAPE);

	if (!starts || !steps || !counts)
		return -EINVAL;
	shape_copy(out, x);
	for (uint32_t d = 0; d < x->rank; d++) {
		const int64_t n = x->dims[d], most = GRAPH_ELEMENTS_MAX;
		bool inside = counts[d] >= 0 && counts[d] <= n && steps[d] != 0 &&
			steps[d] <= most && steps[d] >= -most;

		if (inside && counts[d] > 0)
			inside = starts[d] >= 0 && starts[d] < n &&
				starts[d] + (counts[d] - 1) * steps[d] >= 0 &&
				starts[d] + (counts[d] - 1) * steps[d] < n;
		if (!inside)
			return shape_refuse(in,
				"the slice of dimension %" PRIu32 " lies outside of %s", d,
				tensor_shape_text(x).text);
		out->dims[d] = counts[d];
	}
	return 0;
}

// PADS: values before each dimension; SHAPE: the output's dimensions. MODE: enum pad_mode.
int shape_pad(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *value = shape_input(in, 1);
	const int64_t *pads = move_need_ints(in, ATTR_PADS),
		      *shape = move_need_ints(in, ATTR_SHAPE);

	if (!pads || !shape || shape_need_int(in, ATTR_MODE, 0, 0, PAD_MODE_COUNT - 1) != 0 ||
		(value && shape_need_dtype(in, 1, x->dtype) != 0))
		return -EINVAL;
	if (value && tensor_elements(value) != 1)
		return shape_refuse(
			in, "input 1 %s should be one value", tensor_shape_text(value).text);
	shape_copy(out, x);
	for (uint32_t d = 0; d < x->rank; d++) {
		if (pads[d] > GRAPH_ELEMENTS_MAX || pads[d] < -GRAPH_ELEMENTS_MAX || shape[d] < 0 ||
			(x->dims[d] == 0 && node_int(in->node, ATTR_MODE, 0) != PAD_CONSTANT))
			return shape_refuse(in, "dimension %" PRIu32 " of %s cannot be padded so",
				d, tensor_shape_text(x).text);
		out->dims[d] = shape[d];
	}
	return 0;
}

// REPEATS of each dimension.
int shape_tile(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);
	const int64_t *repeats = move_need_ints(in, ATTR_REPEATS);

	if (!repeats)
		return -EINVAL;
	shape_copy(out, x);
	for (uint32_t d = 0; d < x->rank; d++) {
		if (repeats[d] < 0 || repeats[d] > GRAPH_ELEMENTS_MAX)
			return shape_refuse(in,
				"dimension %" PRIu32 " is repeated %" PRId64 " times", d,
				repeats[d]);
		out->dims[d] = x->dims[d] * repeats[d]; // both below 2^29
	}
	return 0;
}

// --- Values --------------------------------------------------------------------------------------

// Walks over y, taking x at walk->at[0].
static void move_values(const struct plain *plain, struct walk *walk, const void *x, void *y)
{
	const size_t bytes = dtype_bytes(plain->out[0].dtype);
	char *to = y;

	for (; walk->left > 0; walk_next(walk), to += bytes)
		memcpy(to, (const char *)x + (size_t)walk->at[0] * bytes, bytes);
}

static void transpose_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct attr *perm = node_attr(plain->node, ATTR_PERM);
	int64_t strides[GRAPH_RANK_MAX];
	struct walk walk;

	walk_init(&walk, &plain->out[0]);
	tensor_strides(&plain->in[0], strides);
	for (uint32_t d = 0; d < walk.rank; d++)
		walk.stride[0][d] = strides[perm ? perm->ints[d] : walk.rank - 1 - d];
	move_values(plain, &walk, x[0], y[0]);
}

// STARTS and STEPS are for every dimension of x; the output's dimensions say how many are taken.
static void slice_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct attr *starts = node_attr(plain->node, ATTR_STARTS);
	const struct attr *steps = node_attr(plain->node, ATTR_STEPS);
	int64_t strides[GRAPH_RANK_MAX];
	struct walk walk;

	walk_init(&walk, &plain->out[0]);
	tensor_strides(&plain->in[0], strides);
	for (uint32_t d = 0; d < walk.rank; d++) {
		walk.stride[0][d] = strides[d] * steps->ints[d];
		walk.at[0] += strides[d] * starts->ints[d];
	}
	move_values(plain, &walk, x[0], y[0]);
}

// The input position that position i of an output dimension copies; -1 where it is padding.
static int64_t pad_source(int64_t i, int64_t n, enum pad_mode mode)
{
	if (i >= 0 && i < n)
		return i;
	if (mode == PAD_EDGE)
		return i < 0 ? 0 : n - 1;
	if (mode == PAD_WRAP)
		return (i % n + n) % n;
	if (mode == PAD_REFLECT) {
		const int64_t period = n > 1 ? 2 * (n - 1) : 1;
		const int64_t at = (i % period + period) % period;

		return at < n ? at : period - at;
	}
	return -1;
}

// PADS: how many values precede each dimension (negative: are cut off it); x[1]: the value of the
// padding, 0 where left out.
static void pad_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const enum pad_mode mode = (enum pad_mode)node_int(plain->node, ATTR_MODE, PAD_CONSTANT);
	const struct attr *pads = node_attr(plain->node, ATTR_PADS);
	const struct tensor *in = &plain->in[0];
	const size_t bytes = dtype_bytes(in->dtype);
	int64_t strides[GRAPH_RANK_MAX];
	char *to = y[0];
	struct walk walk;

	walk_init(&walk, &plain->out[0]);
	tensor_strides(in, strides);
	for (; walk.left > 0; walk_next(&walk), to += bytes) {
		int64_t at = 0;

		for (uint32_t d = 0; d < walk.rank && at >= 0; d++) {
			const int64_t from =
				pad_source(walk.index[d] - pads->ints[d], in->dims[d], mode);

			at = from < 0 ? -1 : at + from * strides[d];
		}
		if (at >= 0)
			memcpy(to, (const char *)x[0] + (size_t)at * bytes, bytes);
		else if (plain->n_in > 1 && x[1])
			memcpy(to, x[1], bytes);
		else
			memset(to, 0, bytes);
	}
}

static void tile_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &plain->in[0];
	const size_t bytes = dtype_bytes(in->dtype);
	int64_t strides[GRAPH_RANK_MAX];
	char *to = y[0];
	struct walk walk;

	walk_init(&walk, &plain->out[0]);
	tensor_strides(in, strides);
	for (; walk.left > 0; walk_next(&walk), to += bytes) {
		int64_t at = 0;

		for (uint32_t d = 0; d < walk.rank; d++)
			at += walk.index[d] % in->dims[d] * strides[d];
		memcpy(to, (const char *)x[0] + (size_t)at * bytes, bytes);
	}
}

const struct plain_op plain_transpose = { .run = transpose_plain };
const struct plain_op plain_slice = { .run = slice_plain };
const struct plain_op plain_pad = { .run = pad_plain };
const struct plain_op plain_tile = { .run = tile_plain };

static void concat_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *out = &plain->out[0];
	size_t outer = 1;
	uint32_t axis = 0;
	char *to = y[0];

	node_axis(plain->node, out->rank, 0, &axis);
	for (uint32_t d = 0; d < axis; d++)
		outer *= (size_t)out->dims[d];
	for (size_t o = 0; o < outer; o++) {
		for (uint32_t i = 0; i < plain->n_in; i++) {
			const size_t bytes = tensor_bytes(&plain->in[i]) / outer;

			memcpy(to, (const char *)x[i] + o * bytes, bytes);
			to += bytes;
		}
	}
}

// Each input costs a copy a run, even where it is empty.
static uint64_t concat_work(const struct plain *plain)
{
	const struct tensor *out = &plain->out[0];
	uint64_t outer = 1;
	uint32_t axis = 0;

	node_axis(plain->node, out->rank, 0, &axis);
	for (uint32_t d = 0; d < axis && tensor_elements(out) > 0; d++)
		outer *= (uint64_t)out->dims[d];
	return outer * plain->n_in;
}

const struct plain_op plain_concat = { .run = concat_plain, .work = concat_work };
