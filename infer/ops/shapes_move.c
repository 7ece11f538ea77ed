// SPDX-License-Identifier: BSD-3-Clause
// Operators that move values, or change what they are.
#include "infer/ops/rule.h"

#include <inttypes.h>
#include <string.h>

// Fills the one dimension given as -1, if there is one, and 0s with the input's.
static int resolve_shape(const struct inference *in, struct tensor *out)
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
	if (resolve_shape(in, out) != 0) {
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

// An attribute of one whole number for each of x's dimensions; NULL with the sentence made.
static const int64_t *need_ints(const struct inference *in, enum attr_key key)
{
	const struct attr *attr = node_attr(in->node, key);

	if (attr && attr->kind == ATTR_KIND_INTS && attr->count == shape_input(in, 0)->rank)
		return attr->ints;
	shape_refuse(in, "attribute \"%s\" should have a number for each of %" PRIu32 " dimensions",
		attr_name(key), shape_input(in, 0)->rank);
	return NULL;
}

// STARTS, STEPS, and SHAPE: how many are taken.
int shape_slice(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);
	const int64_t *starts = need_ints(in, ATTR_STARTS), *steps = need_ints(in, ATTR_STEPS);
	const int64_t *counts = need_ints(in, ATTR_SHAPE);

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

// PADS: before each dimension; SHAPE: the output's. MODE: enum pad_mode.
int shape_pad(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *value = shape_input(in, 1);
	const int64_t *pads = need_ints(in, ATTR_PADS), *shape = need_ints(in, ATTR_SHAPE);

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
	const int64_t *repeats = need_ints(in, ATTR_REPEATS);

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
