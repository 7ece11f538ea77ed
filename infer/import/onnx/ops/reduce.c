// SPDX-License-Identifier: BSD-3-Clause
// Reduce*, CumSum, TopK: axes from attributes or inputs, as the opset has them.
#include "infer/import/onnx/onnx.h"

#include <string.h>

#define ATTRIBUTE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

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
		return -EINVAL;
	known = keep != 0 && onnx_declared_shape(onnx, node->proto->output[0], &rank, dims) &&
		rank == x->rank;
	*count = 0;
	for (uint32_t d = 0; known && d < x->rank; d++) {
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
static int read_axes(struct onnx *onnx, const struct onnx_node *node, uint32_t rank,
	uint32_t *count, int64_t *axes)
{
	const Onnx__AttributeProto *attr;
	const int64_t *given = NULL;
	uint32_t seen = 0;

	*count = 0;
	if (node->n_inputs > 1 && node->inputs[1] != GRAPH_NONE) {
		int rc = 0;

		if (!onnx_input(onnx, node, 1)->data)
			return declared_axes(onnx, node, count, axes);
		rc = onnx_input_ints(onnx, node, 1, count, &given);
		if (rc != 0)
			return rc;
	} else {
		if (onnx_attr(onnx, node, "axes", ATTRIBUTE(INTS), &attr))
			return -EINVAL;
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

static enum op reduce_of(const char *type)
{
	for (enum op op = OP_REDUCE_SUM; op <= OP_REDUCE_SUM_SQUARE; op++) {
		if (strcmp(op_name(op), type) == 0)
			return op;
	}
	return OP_REDUCE_SUM;
}

// Max and Min of BOOL are those of 0 and 1.
static int reduce_bool(
	struct onnx *onnx, const struct onnx_node *node, uint32_t n_attrs, const struct attr *attrs)
{
	uint32_t made = onnx_as(onnx, node, node->inputs[0], DTYPE_U8);

	if (made != GRAPH_NONE)
		made = onnx_emit(onnx, node, reduce_of(node->type), 1, &made, n_attrs, attrs);
	if (made != GRAPH_NONE)
		made = onnx_as(onnx, node, made, DTYPE_BOOL);
	return onnx_output(onnx, node, 0, made);
}

// Means and roots of whole numbers are computed as floats and cut.
static int reduce_whole(struct onnx *onnx, const struct onnx_node *node, enum dtype dtype,
	uint32_t n_attrs, const struct attr *attrs)
{
	uint32_t made = onnx_as(onnx, node, node->inputs[0], DTYPE_F32);

	if (made != GRAPH_NONE)
		made = onnx_emit(onnx, node, reduce_of(node->type), 1, &made, n_attrs, attrs);
	if (made != GRAPH_NONE)
		made = onnx_as(onnx, node, made, dtype);
	return onnx_output(onnx, node, 0, made);
}

int onnx_import_reduce(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	const enum op op = reduce_of(node->type);
	int64_t keep, noop, axes[GRAPH_RANK_MAX];
	uint32_t count;
	int rc = read_axes(onnx, node, x.rank, &count, axes);

	if (rc != 0)
		return rc;
	if (onnx_int(onnx, node, "keepdims", 1, &keep) ||
		onnx_int(onnx, node, "noop_with_empty_axes", 0, &noop))
		return -EINVAL;
	if (count == 0 && noop)
		return onnx_output(onnx, node, 0,
			onnx_emit(onnx, node, OP_IDENTITY, 1, node->inputs, 0, NULL));
	const struct attr attrs[] = { ONNX_INT(ATTR_KEEPDIMS, keep != 0),
		{ .key = ATTR_AXES, .kind = ATTR_KIND_INTS, .count = count, .ints = axes } };
	const uint32_t n_attrs = count ? 2 : 1;

	if (x.dtype == DTYPE_BOOL)
		return reduce_bool(onnx, node, n_attrs, attrs);
	if (x.dtype != DTYPE_F32 &&
		(op == OP_REDUCE_MEAN || op == OP_REDUCE_L2 || op == OP_REDUCE_LOG_SUM ||
			op == OP_REDUCE_LOG_SUM_EXP))
		return reduce_whole(onnx, node, x.dtype, n_attrs, attrs);
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

int onnx_import_cum_sum(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t axis, exclusive, reverse;
	int rc = input_int(onnx, node, 1, &axis);

	if (rc != 0)
		return rc;
	if (onnx_int(onnx, node, "exclusive", 0, &exclusive) ||
		onnx_int(onnx, node, "reverse", 0, &reverse))
		return -EINVAL;
	const struct attr attrs[] = { ONNX_INT(ATTR_AXIS, axis),
		ONNX_INT(ATTR_EXCLUSIVE, exclusive != 0), ONNX_INT(ATTR_REVERSE, reverse != 0) };
	return onnx_output(
		onnx, node, 0, onnx_emit(onnx, node, OP_CUM_SUM, 1, node->inputs, 3, attrs));
}

// K is an attribute before opset 10, an input since.
int onnx_import_top_k(struct onnx *onnx, const struct onnx_node *node)
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
		return -EINVAL;
	const struct attr attrs[] = { ONNX_INT(ATTR_K, k), ONNX_INT(ATTR_AXIS, axis),
		ONNX_INT(ATTR_LARGEST, largest != 0) };
	const struct onnx_emission emission = { OP_TOP_K, 1, node->inputs, 3, attrs };

	rc = onnx_emit_outputs(onnx, node, &emission, 2, outputs);
	if (rc == 0)
		rc = onnx_output(onnx, node, 0, outputs[0]);
	return rc ? rc : onnx_output(onnx, node, 1, outputs[1]);
}
