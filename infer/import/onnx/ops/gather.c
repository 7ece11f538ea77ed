// SPDX-License-Identifier: BSD-3-Clause
// Gather*, Scatter*, OneHot.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/declared.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"
#include "infer/ops/values.h"

#include <string.h>

static int import_axis(
	struct onnx *onnx, const struct onnx_node *node, uint32_t n_inputs, const struct attr *more)
{
	struct attr attrs[2] = { ONNX_INT(ATTR_AXIS, 0) };

	if (onnx_int(onnx, node, "axis", 0, &attrs[0].i))
		return onnx_refused(onnx);
	if (more)
		attrs[1] = *more;
	return onnx_output(onnx, node, 0,
		onnx_emit(onnx, node, node->op, n_inputs, node->inputs, more ? 2 : 1, attrs));
}

static int import_gather(struct onnx *onnx, const struct onnx_node *node)
{
	return import_axis(onnx, node, 2, NULL);
}

static int import_gather_nd(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t batch;

	if (onnx_int(onnx, node, "batch_dims", 0, &batch))
		return onnx_refused(onnx);
	const struct attr attr = ONNX_INT(ATTR_BATCH_DIMS, batch);
	return onnx_output(
		onnx, node, 0, onnx_emit(onnx, node, OP_GATHER_ND, 2, node->inputs, 1, &attr));
}

static int read_reduction(struct onnx *onnx, const struct onnx_node *node, struct attr *attr)
{
	static const char *const NAMES[SCATTER_COUNT] = { "none", "add", "mul", "min", "max" };
	const char *name;

	if (onnx_string(onnx, node, "reduction", "none", &name))
		return onnx_refused(onnx);
	for (int64_t r = 0; r < SCATTER_COUNT; r++) {
		if (strcmp(name, NAMES[r]) == 0) {
			*attr = (struct attr)ONNX_INT(ATTR_REDUCTION, r);
			return 0;
		}
	}
	return onnx_refuse(onnx, node, -EINVAL,
		"reduction is '%.20s', should be none, add, mul, min or max", name);
}

static int import_scatter_elements(struct onnx *onnx, const struct onnx_node *node)
{
	struct attr reduction;
	int rc = read_reduction(onnx, node, &reduction);

	return rc != 0 ? rc : import_axis(onnx, node, 3, &reduction);
}

static int import_scatter_nd(struct onnx *onnx, const struct onnx_node *node)
{
	struct attr reduction;
	int rc = read_reduction(onnx, node, &reduction);

	return rc != 0
		? rc
		: onnx_output(onnx, node, 0,
			  onnx_emit(onnx, node, OP_SCATTER_ND, 3, node->inputs, 1, &reduction));
}

// A depth that is computed, from the shape that the file declares of the result.
static int one_hot_depth(
	struct onnx *onnx, const struct onnx_node *node, int64_t axis, float *depth)
{
	int64_t dims[GRAPH_RANK_MAX];
	uint32_t rank;

	if (onnx_input(onnx, node, 1)->data ||
		!onnx_declared_shape(onnx, node->proto->output[0], &rank, dims))
		return onnx_input_float(onnx, node, 1, 0, depth);
	axis += axis < 0 ? rank : 0;
	if (axis < 0 || axis >= rank)
		return onnx_refuse(onnx, node, -EINVAL, "the output declared has no axis %lld",
			(long long)axis);
	*depth = (float)dims[axis];
	return 0;
}

// Inputs: indices, the depth, [off, on].
static int import_one_hot(struct onnx *onnx, const struct onnx_node *node)
{
	const uint32_t pair[2] = { node->inputs[0], node->inputs[2] };
	int64_t axis;
	float depth = 0;
	int rc = onnx_int(onnx, node, "axis", -1, &axis);

	if (rc == 0)
		rc = one_hot_depth(onnx, node, axis, &depth);
	if (rc != 0)
		return rc;
	if (!(depth >= 1 && depth <= 1 << 24))
		return onnx_refuse(onnx, node, -EINVAL, "the depth is %g, should be 1 to %d",
			(double)depth, 1 << 24);
	const struct attr attrs[] = { ONNX_INT(ATTR_AXIS, axis),
		ONNX_INT(ATTR_DEPTH, (int64_t)depth) };
	return onnx_output(onnx, node, 0, onnx_emit(onnx, node, OP_ONE_HOT, 2, pair, 2, attrs));
}

// Which place of time each place takes, [T, 1] against lengths [1, B]: of the first `length` the last
// first, the others as they are. GRAPH_NONE: refused.
static uint32_t reversed_places(
	struct onnx *onnx, const struct onnx_node *node, const int64_t dims[2], bool time_is_first)
{
	const int64_t n = dims[time_is_first ? 0 : 1], batch = dims[time_is_first ? 1 : 0];
	const int64_t along[2] = { time_is_first ? n : 1, time_is_first ? 1 : n };
	const int64_t across[2] = { time_is_first ? 1 : batch, time_is_first ? batch : 1 };
	uint32_t places, lengths, last, one;
	void *data;

	places = onnx_made(onnx, node, DTYPE_I64, 2, along, &data);
	for (int64_t t = 0; places != GRAPH_NONE && t < n; t++)
		((int64_t *)data)[t] = t;
	one = onnx_made(onnx, node, DTYPE_I64, 0, NULL, &data);
	if (one == GRAPH_NONE)
		return GRAPH_NONE;
	*(int64_t *)data = 1;
	lengths = onnx_emit_reshape(
		onnx, node, onnx_as(onnx, node, node->inputs[1], DTYPE_I64), 2, across);
	last = onnx_emit_pair(onnx, node, OP_SUB, lengths, one);
	return onnx_emit_where(onnx, node, onnx_emit_pair(onnx, node, OP_LESS, places, lengths),
		onnx_emit_pair(onnx, node, OP_SUB, last, places), places);
}

// Lengths that the file gives must be there: no place lies outside of time.
static int check_lengths(struct onnx *onnx, const struct onnx_node *node, int64_t n)
{
	const struct tensor *lengths = onnx_input(onnx, node, 1);

	for (int64_t i = 0; lengths->data && i < tensor_elements(lengths); i++) {
		const int64_t length =
			(int64_t)value_integer(lengths->dtype, lengths->data, (size_t)i);

		if (length < 0 || length > n)
			return onnx_refuse(onnx, node, -EINVAL,
				"sequence %lld is %lld long, time has %lld steps", (long long)i,
				(long long)length, (long long)n);
	}
	return 0;
}

// Time, one of the first two axes, backwards up to each sequence's length. What is computed may be any
// number: places outside are those of Gather, which reads none of them.
static int import_reverse_sequence(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	int64_t batch, time, dims[GRAPH_RANK_MAX];
	uint32_t places, pair[2];
	void *data;

	if (onnx_int(onnx, node, "batch_axis", 1, &batch) ||
		onnx_int(onnx, node, "time_axis", 0, &time))
		return onnx_refused(onnx);
	if (x.rank < 2 || batch < 0 || batch > 1 || time != 1 - batch)
		return onnx_refuse(onnx, node, -EINVAL,
			"time_axis and batch_axis should be 0 and 1 of an input with 2 dimensions "
			"or "
			"more");
	if (tensor_elements(onnx_input(onnx, node, 1)) != x.dims[batch])
		return onnx_refuse(onnx, node, -EINVAL,
			"input 1 has %lld lengths, should have %lld",
			(long long)tensor_elements(onnx_input(onnx, node, 1)),
			(long long)x.dims[batch]);
	if (onnx_input(onnx, node, 1)->dtype == DTYPE_F32)
		return onnx_refuse(onnx, node, -EINVAL, "input 1 should be whole numbers");
	if (check_lengths(onnx, node, x.dims[time]))
		return onnx_refused(onnx);
	places = reversed_places(onnx, node, x.dims, time == 0);
	pair[0] = node->inputs[0];
	for (uint32_t d = 0; d < x.rank; d++)
		dims[d] = d < 2 ? x.dims[d] : 1;
	const struct attr attr = ONNX_INT(ATTR_AXIS, time);

	if (x.dims[batch] == 1) {
		pair[1] = onnx_emit_reshape(onnx, node, places, 1, &x.dims[time]);
		if (pair[1] == GRAPH_NONE)
			return onnx_refused(onnx);
		return onnx_output(
			onnx, node, 0, onnx_emit(onnx, node, OP_GATHER, 2, pair, 1, &attr));
	}
	places = onnx_emit_reshape(onnx, node, places, x.rank, dims);
	pair[1] = onnx_emit_pair(onnx, node, OP_ADD, places,
		onnx_made(onnx, node, DTYPE_I64, x.rank, x.dims, &data)); // as wide as x
	if (pair[1] == GRAPH_NONE)
		return onnx_refused(onnx);
	return onnx_output(
		onnx, node, 0, onnx_emit(onnx, node, OP_GATHER_ELEMENTS, 2, pair, 1, &attr));
}

// The slices along an axis, or the values of all, where a constant condition is true.
static int import_compress(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0), chosen = *onnx_input(onnx, node, 1);
	const int64_t flat[1] = { tensor_elements(&x) };
	const Onnx__AttributeProto *axis;
	uint32_t pair[2] = { node->inputs[0] };
	int64_t along, length, count = 0;
	void *data;

	if (onnx_attr(onnx, node, "axis", ONNX_ATTRIBUTE(INT), &axis))
		return onnx_refused(onnx);
	if (!chosen.data)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"input 1 ('%.80s') is computed, so that the output's length depends on "
			"values; it must be constant",
			chosen.name);
	along = axis ? axis->i + (axis->i < 0 ? x.rank : 0) : 0;
	if (chosen.dtype != DTYPE_BOOL || chosen.rank != 1 ||
		(axis && (along < 0 || along >= x.rank)))
		return onnx_refuse(onnx, node, -EINVAL,
			"input 1 should be a list of bool for an axis that the input has");
	length = axis ? x.dims[along] : flat[0];
	if (!axis)
		pair[0] = onnx_emit_reshape(onnx, node, pair[0], 1, flat);
	for (int64_t i = 0; i < chosen.dims[0] && i < length; i++)
		count += value_integer(DTYPE_BOOL, chosen.data, (size_t)i) != 0;
	pair[1] = onnx_made(onnx, node, DTYPE_I64, 1, &count, &data);
	if (pair[1] == GRAPH_NONE)
		return onnx_refused(onnx);
	for (int64_t i = 0, n = 0; n < count; i++) {
		if (value_integer(DTYPE_BOOL, chosen.data, (size_t)i) != 0)
			((int64_t *)data)[n++] = i;
	}
	const struct attr attr = ONNX_INT(ATTR_AXIS, along);
	return onnx_output(onnx, node, 0, onnx_emit(onnx, node, OP_GATHER, 2, pair, 1, &attr));
}

const struct onnx_operator ONNX_GATHER[] = {
	{ "Gather", 2, 2, import_gather, OP_GATHER },
	{ "GatherElements", 2, 2, import_gather, OP_GATHER_ELEMENTS },
	{ "GatherND", 2, 2, .import = import_gather_nd },
	{ "ScatterElements", 3, 3, import_scatter_elements, OP_SCATTER_ELEMENTS },
	{ "Scatter", 3, 3, import_scatter_elements, OP_SCATTER_ELEMENTS },
	{ "ScatterND", 3, 3, .import = import_scatter_nd },
	{ "ReverseSequence", 2, 2, .import = import_reverse_sequence },
	{ "Compress", 2, 2, .import = import_compress },
	{ "OneHot", 3, 3, .import = import_one_hot },
	{ .type = NULL },
};
