// SPDX-License-Identifier: BSD-3-Clause
// Gather*, Scatter*, OneHot.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/declared.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"

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

const struct onnx_operator ONNX_GATHER[] = {
	{ "Gather", 2, 2, import_gather, OP_GATHER },
	{ "GatherElements", 2, 2, import_gather, OP_GATHER_ELEMENTS },
	{ "GatherND", 2, 2, .import = import_gather_nd },
	{ "ScatterElements", 3, 3, import_scatter_elements, OP_SCATTER_ELEMENTS },
	{ "Scatter", 3, 3, import_scatter_elements, OP_SCATTER_ELEMENTS },
	{ "ScatterND", 3, 3, .import = import_scatter_nd },
	{ "OneHot", 3, 3, .import = import_one_hot },
	{ .type = NULL },
};
