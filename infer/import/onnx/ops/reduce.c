// SPDX-License-Identifier: BSD-3-Clause
// Reduce*, ArgMax, ArgMin, CumSum, TopK: axes from attributes or inputs, as the opset has them.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/declared.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"

#include <string.h>

// Axes that are computed, from the shape that the file declares of the result: with the reduced
// dimensions kept as 1 it says which they are (a 1 that was one before reduces to itself).
static int declared_axes(
	struct onnx *onnx, const struct onnx_node *node, uint32_t *count, int64_t *axes)
{
	const struct tensor *x = onnx_input(onnx, node, 0);
	int64_t keep, dims[GRAPH_RANK_MAX];
	uint32_t rank;
	bool known;

	if (onnx_int(onnx, node, "keepdims", 1, &keep))
		return onnx_refused(onnx);
	known = keep != 0 && onnx_declared_partly(onnx, node->proto->output[0], &rank, dims) &&
		rank == x->rank;
	*count = 0;
	for (uint32_t d = 0; known && d < x->rank; d++) {
		if (dims[d] < 0 && x->dims[d] == 1)
			dims[d] = 1; // open, and 1 whether it is reduced or not
		known = dims[d] == 1 || dims[d] == x->dims[d];
		if (dims[d] == 1)
			axes[(*count)++] = d;
	}
	if (!known || *count == 0)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"input 1 ('%.80s'), the axes, is computed and the file does not declare a "
			"shape of the output that tells them",
			onnx_input(onnx, node, 1)->name);
	return 0;
}

// Axes counted from the front, each once; *count 0: none are given.
static int reduce_read_axes(struct onnx *onnx, const struct onnx_node *node, uint32_t rank,
	uint32_t *count, int64_t *axes)
{
	const Onnx__AttributeProto *attr;
	const int64_t *given = NULL;
	uint32_t seen = 0;

	*count = 0;
	if (onnx_is_given(node, 1)) {
		int rc = 0;

		if (!onnx_input(onnx, node, 1)->data)
			return declared_axes(onnx, node, count, axes);
		rc = onnx_input_ints(onnx, node, 1, count, &given);
		if (rc != 0)
			return rc;
	} else {
		if (onnx_attr(onnx, node, "axes", ONNX_ATTRIBUTE(INTS), &attr))
			return onnx_refused(onnx);
		if (attr && attr->n_ints > GRAPH_RANK_MAX)
			return onnx_refuse(onnx, node, -EINVAL, "%zu axes, at most %d are possible",
				attr->n_ints, GRAPH_RANK_MAX);
		*count = attr ? (uint32_t)attr->n_ints : 0;
		given = attr ? attr->ints : NULL;
	}
	for (uint32_t i = 0; i < *count; i++) {
		axes[i] = given[i] < 0 ? given[i] + rank : given[i];
		if (axes[i] < 0 || axes[i] >= rank || (seen >> axes[i] & 1))
			return onnx_refuse(onnx, node, -EINVAL,
				"axis %lld is not one of %u, or there twice", (long long)given[i],
				rank);
		seen |= 1u << axes[i];
	}
	return 0;
}

// Computed in another dtype, and given in the input's.
static int reduce_by(struct onnx *onnx, const struct onnx_node *node, enum dtype by,
	uint32_t n_attrs, const struct attr *attrs)
{
	const enum dtype dtype = onnx_input(onnx, node, 0)->dtype;
	uint32_t made = onnx_as(onnx, node, node->inputs[0], by);

	made = onnx_emit(onnx, node, node->op, 1, &made, n_attrs, attrs);
	return onnx_output(onnx, node, 0, onnx_as(onnx, node, made, dtype));
}

// Over no axes each value is reduced by itself, as ONNX Runtime and NumPy have it.
static int reduce_nothing(struct onnx *onnx, const struct onnx_node *node)
{
	const uint32_t x = node->inputs[0];
	const enum dtype dtype = onnx_input(onnx, node, 0)->dtype;

	switch (node->op) {
	case OP_REDUCE_L1:
	case OP_REDUCE_L2:
		return onnx_output(onnx, node, 0, onnx_emit_one(onnx, node, OP_ABS, x));
	case OP_REDUCE_SUM_SQUARE:
		return onnx_output(onnx, node, 0, onnx_emit_pair(onnx, node, OP_MUL, x, x));
	case OP_REDUCE_LOG_SUM:
		return onnx_output(onnx, node, 0,
			onnx_as(onnx, node,
				onnx_emit_one(
					onnx, node, OP_LOG, onnx_as(onnx, node, x, DTYPE_F32)),
				dtype));
	default:
		return onnx_output(onnx, node, 0, onnx_emit_one(onnx, node, OP_IDENTITY, x));
	}
}

static int import_reduce(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	const enum op op = node->op;
	int64_t keep, noop, axes[GRAPH_RANK_MAX];
	uint32_t count;
	int rc = reduce_read_axes(onnx, node, x.rank, &count, axes);

	if (rc != 0)
		return rc;
	if (onnx_int(onnx, node, "keepdims", 1, &keep) ||
		onnx_int(onnx, node, "noop_with_empty_axes", 0, &noop))
		return onnx_refused(onnx);
	if (count == 0 && noop)
		return reduce_nothing(onnx, node);
	const struct attr attrs[] = { ONNX_INT(ATTR_KEEPDIMS, keep != 0),
		ONNX_INTS(ATTR_AXES, count, axes) };
	const uint32_t n_attrs = count ? 2 : 1;

	if (x.dtype == DTYPE_BOOL) // Max and Min of 0 and 1
		return reduce_by(onnx, node, DTYPE_U8, n_attrs, attrs);
	// Means and roots of whole numbers are computed as floats and cut.
	if (x.dtype != DTYPE_F32 &&
		(op == OP_REDUCE_MEAN || op == OP_REDUCE_L2 || op == OP_REDUCE_LOG_SUM ||
			op == OP_REDUCE_LOG_SUM_EXP))
		return reduce_by(onnx, node, DTYPE_F32, n_attrs, attrs);
	return onnx_import_as(onnx, node, op, 1, n_attrs, attrs);
}

// One whole number of a constant input.
static int input_int(
	struct onnx *onnx, const struct onnx_node *node, uint32_t input, int64_t *value)
{
	const int64_t *values;
	uint32_t count;
	int rc = onnx_input_ints(onnx, node, input, &count, &values);

	if (rc == 0 && count != 1)
		rc = onnx_refuse(onnx, node, -EINVAL, "input %u should be one number", input);
	if (rc == 0)
		*value = values[0];
	return rc;
}

static int import_cum_sum(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t axis, exclusive, reverse;
	int rc = input_int(onnx, node, 1, &axis);

	if (rc != 0)
		return rc;
	if (onnx_int(onnx, node, "exclusive", 0, &exclusive) ||
		onnx_int(onnx, node, "reverse", 0, &reverse))
		return onnx_refused(onnx);
	const struct attr attrs[] = { ONNX_INT(ATTR_AXIS, axis),
		ONNX_INT(ATTR_EXCLUSIVE, exclusive != 0), ONNX_INT(ATTR_REVERSE, reverse != 0) };
	return onnx_output(
		onnx, node, 0, onnx_emit(onnx, node, OP_CUM_SUM, 1, node->inputs, 3, attrs));
}

// K is an attribute before opset 10, an input since.
static int import_top_k(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t k, axis, largest;
	uint32_t outputs[2];
	int rc = 0;

	if (onnx->opset < 10)
		rc = onnx_int(onnx, node, "k", 0, &k);
	else if (node->n_inputs < 2 || node->inputs[1] == GRAPH_NONE)
		rc = onnx_refuse(onnx, node, -EINVAL, "input 1, how many, is missing");
	else
		rc = input_int(onnx, node, 1, &k);
	if (rc != 0)
		return rc;
	if (onnx_int(onnx, node, "axis", -1, &axis) || onnx_int(onnx, node, "largest", 1, &largest))
		return onnx_refused(onnx);
	const struct attr attrs[] = { ONNX_INT(ATTR_K, k), ONNX_INT(ATTR_AXIS, axis),
		ONNX_INT(ATTR_LARGEST, largest != 0) };
	const struct onnx_emission emission = { OP_TOP_K, 1, node->inputs, 3, attrs };

	rc = onnx_emit_outputs(onnx, node, &emission, 2, outputs);
	if (rc == 0)
		rc = onnx_output(onnx, node, 0, outputs[0]);
	return rc != 0 ? rc : onnx_output(onnx, node, 1, outputs[1]);
}

static int import_arg(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t axis, keep, last;

	if (onnx_int(onnx, node, "axis", 0, &axis) || onnx_int(onnx, node, "keepdims", 1, &keep) ||
		onnx_int(onnx, node, "select_last_index", 0, &last))
		return onnx_refused(onnx);
	const struct attr attrs[] = { ONNX_INT(ATTR_AXIS, axis), ONNX_INT(ATTR_KEEPDIMS, keep),
		ONNX_INT(ATTR_LAST, last) };
	return onnx_import_as(onnx, node, node->op, 1, 3, attrs);
}

const struct onnx_operator ONNX_REDUCE[] = {
	{ "ArgMax", 1, 1, import_arg, OP_ARG_MAX },
	{ "ArgMin", 1, 1, import_arg, OP_ARG_MIN },
	{ "ReduceSum", 1, 2, import_reduce, OP_REDUCE_SUM },
	{ "ReduceMean", 1, 2, import_reduce, OP_REDUCE_MEAN },
	{ "ReduceMax", 1, 2, import_reduce, OP_REDUCE_MAX },
	{ "ReduceMin", 1, 2, import_reduce, OP_REDUCE_MIN },
	{ "ReduceProd", 1, 2, import_reduce, OP_REDUCE_PROD },
	{ "ReduceL1", 1, 2, import_reduce, OP_REDUCE_L1 },
	{ "ReduceL2", 1, 2, import_reduce, OP_REDUCE_L2 },
	{ "ReduceLogSum", 1, 2, import_reduce, OP_REDUCE_LOG_SUM },
	{ "ReduceLogSumExp", 1, 2, import_reduce, OP_REDUCE_LOG_SUM_EXP },
	{ "ReduceSumSquare", 1, 2, import_reduce, OP_REDUCE_SUM_SQUARE },
	{ "CumSum", 2, 2, .import = import_cum_sum },
	{ "TopK", 1, 2, .import = import_top_k },
	{ .type = NULL },
};
