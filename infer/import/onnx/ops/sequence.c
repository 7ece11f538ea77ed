// SPDX-License-Identifier: BSD-3-Clause
// Sequences, while importing: lists of tensors of a length that is known. Nothing of them is left in
// the graph but what is taken out of them, and those that are outputs, as columns.
#include "infer/import/onnx/as.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/sequences.h"
#include "infer/import/onnx/tensor.h"
#include "infer/ops/values.h"

#include <string.h>

static int sequence_output(
	struct onnx *onnx, const struct onnx_node *node, uint32_t n, const uint32_t *tensors)
{
	return onnx_output(onnx, node, 0, onnx_sequence(onnx, node, n, tensors));
}

// True: refused.
static bool need_sequence(
	struct onnx *onnx, const struct onnx_node *node, struct onnx_sequence *sequence)
{
	if (!onnx_is_sequence(onnx, node->inputs[0])) {
		onnx_refuse(onnx, node, -EINVAL, "input 0 should be a sequence");
		return true;
	}
	*sequence = onnx_sequence_of(onnx, node->inputs[0]);
	return false;
}

// A place in a list of `n`, by input i, or the one behind the last where that is left out; `most` is
// the last one possible. True: refused.
static bool read_position(struct onnx *onnx, const struct onnx_node *node, uint32_t i, uint32_t n,
	int64_t otherwise, int64_t most, uint32_t *position)
{
	const struct tensor *in = onnx_is_given(node, i) ? onnx_input(onnx, node, i) : NULL;
	int64_t at = otherwise;

	if (in && !in->data) {
		onnx_refuse(onnx, node, -ENOTSUP,
			"input %u ('%.80s'), a place in a sequence, is computed; it must be "
			"constant",
			i, in->name);
		return true;
	}
	if (in && (tensor_elements(in) != 1 || in->dtype == DTYPE_F32)) {
		onnx_refuse(onnx, node, -EINVAL, "input %u should be one whole number", i);
		return true;
	}
	if (in) {
		at = (int64_t)value_integer(in->dtype, in->data, 0);
		at += at < 0 ? n : 0;
	}
	if (at < 0 || at > most) {
		onnx_refuse(onnx, node, -EINVAL, "place %lld is not in a sequence of %u tensors",
			(long long)at, n);
		return true;
	}
	*position = (uint32_t)at;
	return false;
}

static int import_sequence_construct(struct onnx *onnx, const struct onnx_node *node)
{
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		if (node->inputs[i] == GRAPH_NONE)
			return onnx_refuse(onnx, node, -EINVAL, "input %u is missing", i);
	}
	return sequence_output(onnx, node, node->n_inputs, node->inputs);
}

static int import_sequence_empty(struct onnx *onnx, const struct onnx_node *node)
{
	return sequence_output(onnx, node, 0, NULL);
}

static int import_sequence_at(struct onnx *onnx, const struct onnx_node *node)
{
	struct onnx_sequence sequence;
	uint32_t at;

	if (need_sequence(onnx, node, &sequence) ||
		read_position(onnx, node, 1, sequence.n, 0, (int64_t)sequence.n - 1, &at))
		return onnx_refused(onnx);
	return onnx_output(onnx, node, 0,
		onnx_emit_one(onnx, node, OP_IDENTITY, (uint32_t)sequence.tensors[at]));
}

// A list as those of onnx_sequence(), to be changed; NULL: out of memory.
static uint32_t *sequence_copy(struct onnx *onnx, const struct onnx_sequence *sequence)
{
	uint32_t *copy = arena_calloc(onnx->scratch, (size_t)sequence->n + 1, sizeof(*copy));

	for (uint32_t i = 0; copy && i < sequence->n; i++)
		copy[i] = (uint32_t)sequence->tensors[i];
	return copy;
}

static int import_sequence_insert(struct onnx *onnx, const struct onnx_node *node)
{
	struct onnx_sequence sequence;
	uint32_t at, *tensors;

	if (need_sequence(onnx, node, &sequence) ||
		read_position(onnx, node, 2, sequence.n, sequence.n, sequence.n, &at))
		return onnx_refused(onnx);
	tensors = sequence_copy(onnx, &sequence);
	if (!tensors)
		return onnx_refuse_memory(onnx, node);
	memmove(tensors + at + 1, tensors + at, (sequence.n - at) * sizeof(*tensors));
	tensors[at] = node->inputs[1];
	return sequence_output(onnx, node, sequence.n + 1, tensors);
}

static int import_sequence_erase(struct onnx *onnx, const struct onnx_node *node)
{
	struct onnx_sequence sequence;
	uint32_t at, *tensors;

	if (need_sequence(onnx, node, &sequence) ||
		read_position(onnx, node, 1, sequence.n, (int64_t)sequence.n - 1,
			(int64_t)sequence.n - 1, &at))
		return onnx_refused(onnx);
	tensors = sequence_copy(onnx, &sequence);
	if (!tensors)
		return onnx_refuse_memory(onnx, node);
	memmove(tensors + at, tensors + at + 1, (sequence.n - at - 1) * sizeof(*tensors));
	return sequence_output(onnx, node, sequence.n - 1, tensors);
}

static int import_sequence_length(struct onnx *onnx, const struct onnx_node *node)
{
	struct onnx_sequence sequence;
	uint32_t made;
	void *data;

	if (need_sequence(onnx, node, &sequence))
		return onnx_refused(onnx);
	made = onnx_made(onnx, node, DTYPE_I64, 0, NULL, &data);
	if (made != GRAPH_NONE)
		*(int64_t *)data = sequence.n;
	return onnx_output(onnx, node, 0, made);
}

// A tensor with an axis of length 1 more.
static uint32_t with_axis(
	struct onnx *onnx, const struct onnx_node *node, uint32_t tensor, int64_t axis)
{
	const struct tensor x = onnx->graph->tensors[tensor];
	int64_t dims[GRAPH_RANK_MAX];

	if (x.rank == GRAPH_RANK_MAX) {
		onnx_refuse(onnx, node, -ENOTSUP, "what it joins has %u dimensions", x.rank + 1);
		return GRAPH_NONE;
	}
	for (uint32_t d = 0; d <= x.rank; d++)
		dims[d] = d == axis ? 1 : x.dims[d - (d > axis)];
	return onnx_emit_reshape(onnx, node, tensor, x.rank + 1, dims);
}

static int import_concat_from_sequence(struct onnx *onnx, const struct onnx_node *node)
{
	struct onnx_sequence sequence;
	int64_t axis, new_axis, rank;
	uint32_t *tensors;

	if (need_sequence(onnx, node, &sequence) || onnx_int(onnx, node, "axis", 0, &axis) ||
		onnx_int(onnx, node, "new_axis", 0, &new_axis))
		return onnx_refused(onnx);
	if (sequence.n == 0)
		return onnx_refuse(onnx, node, -EINVAL, "the sequence is empty");
	tensors = sequence_copy(onnx, &sequence);
	if (!tensors)
		return onnx_refuse_memory(onnx, node);
	rank = (int64_t)onnx->graph->tensors[tensors[0]].rank + (new_axis != 0);
	axis += axis < 0 ? rank : 0;
	if (axis < 0 || axis >= rank)
		return onnx_refuse(
			onnx, node, -EINVAL, "the result has no axis %lld", (long long)axis);
	for (uint32_t i = 0; i < sequence.n && new_axis; i++) {
		tensors[i] = with_axis(onnx, node, tensors[i], axis);
		if (tensors[i] == GRAPH_NONE)
			return onnx_refused(onnx);
	}
	const struct attr attr = ONNX_INT(ATTR_AXIS, axis);
	return onnx_output(
		onnx, node, 0, onnx_emit(onnx, node, OP_CONCAT, sequence.n, tensors, 1, &attr));
}

// The length of part p of `total`: by a list, or all of one length but the last.
static int64_t split_length(const struct tensor *split, uint32_t p, int64_t total, int64_t done)
{
	int64_t length = 1;

	if (split)
		length =
			(int64_t)value_integer(split->dtype, split->data, split->rank == 0 ? 0 : p);
	if (!split || split->rank == 0)
		length = length < total - done ? length : total - done;
	return length;
}

// Parts of an axis by input 1, a length or a list of them; without it, of length 1, and the axis goes
// with keepdims 0.
static int import_split_to_sequence(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	struct tensor split = { 0 };
	int64_t axis, keep, done = 0, dims[GRAPH_RANK_MAX];
	uint32_t *parts, n = 0;

	if (onnx_int(onnx, node, "axis", 0, &axis) || onnx_int(onnx, node, "keepdims", 1, &keep))
		return onnx_refused(onnx);
	axis += axis < 0 ? x.rank : 0;
	if (axis < 0 || axis >= x.rank)
		return onnx_refuse(
			onnx, node, -EINVAL, "the input has no axis %lld", (long long)axis);
	if (onnx_is_given(node, 1))
		split = *onnx_input(onnx, node, 1);
	if (onnx_is_given(node, 1) && !split.data)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"input 1 ('%.80s'), the lengths, is computed; it must be constant",
			split.name);
	if (split.data && (split.rank > 1 || split.dtype == DTYPE_F32))
		return onnx_refuse(onnx, node, -EINVAL, "input 1 should be lengths");
	parts = arena_calloc(onnx->scratch, GRAPH_NODE_IO_MAX, sizeof(*parts));
	if (!parts)
		return onnx_refuse_memory(onnx, node);
	const bool listed = split.data && split.rank == 1;

	for (; done < x.dims[axis] || (listed && n < split.dims[0]); n++) {
		const int64_t length = listed && n >= split.dims[0]
			? 0
			: split_length(split.data ? &split : NULL, n, x.dims[axis], done);

		if (n == GRAPH_NODE_IO_MAX || length < 1 || length > x.dims[axis] - done)
			return onnx_refuse(onnx, node, -EINVAL,
				"part %u of an axis of %lld is %lld long", n,
				(long long)x.dims[axis], (long long)length);
		parts[n] = onnx_emit_part(
			onnx, node, node->inputs[0], (uint32_t)axis, done, length, 1);
		done += length;
		for (uint32_t d = 0; d + 1 < x.rank; d++)
			dims[d] = x.dims[d + (d >= axis)];
		if (!split.data && !keep)
			parts[n] = onnx_emit_reshape(onnx, node, parts[n], x.rank - 1, dims);
		if (parts[n] == GRAPH_NONE)
			return onnx_refused(onnx);
	}
	return sequence_output(onnx, node, n, parts);
}

// Something, which is there; what it holds is the same tensor or sequence.
static int import_optional(struct onnx *onnx, const struct onnx_node *node)
{
	if (!onnx_is_given(node, 0))
		return onnx_refuse(onnx, node, -ENOTSUP,
			"it is empty; only optional values that are there are supported");
	if (onnx_is_sequence(onnx, node->inputs[0]))
		return onnx_output(onnx, node, 0, node->inputs[0]);
	return onnx_output(onnx, node, 0, onnx_emit_one(onnx, node, OP_IDENTITY, node->inputs[0]));
}

static int import_optional_has_element(struct onnx *onnx, const struct onnx_node *node)
{
	void *data;
	const uint32_t made = onnx_made(onnx, node, DTYPE_BOOL, 0, NULL, &data);

	if (made == GRAPH_NONE)
		return onnx_refused(onnx);
	*(uint8_t *)data = onnx_is_given(node, 0);
	return onnx_output(onnx, node, 0, made);
}

const struct onnx_operator ONNX_SEQUENCE[] = {
	{ "SequenceConstruct", 1, GRAPH_NODE_IO_MAX, .import = import_sequence_construct },
	{ "SequenceEmpty", 0, 0, .import = import_sequence_empty },
	{ "SequenceAt", 2, 2, .import = import_sequence_at },
	{ "SequenceInsert", 2, 3, .import = import_sequence_insert },
	{ "SequenceErase", 1, 2, .import = import_sequence_erase },
	{ "SequenceLength", 1, 1, .import = import_sequence_length },
	{ "ConcatFromSequence", 1, 1, .import = import_concat_from_sequence },
	{ "SplitToSequence", 1, 2, .import = import_split_to_sequence },
	{ "Optional", 0, 1, .import = import_optional },
	{ "OptionalGetElement", 1, 1, .import = import_optional },
	{ "OptionalHasElement", 0, 1, .import = import_optional_has_element },
	{ .type = NULL },
};
