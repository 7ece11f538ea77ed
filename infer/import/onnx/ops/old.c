// SPDX-License-Identifier: BSD-3-Clause
// Forms that were given up at opset 7: operands spread by attributes, parameters without shape.
#include "infer/import/onnx/ops/old.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/refuse.h"

#include <string.h>

static bool same_dims(const struct tensor *a, const struct tensor *b)
{
	return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof(*a->dims)) == 0;
}

// Input 1 under its own dimensions from `axis` of input 0 on, ones behind them.
static int align(struct onnx *onnx, const struct onnx_node *node, uint32_t axis)
{
	const struct tensor *a = onnx_input(onnx, node, 0), *b = onnx_input(onnx, node, 1);
	uint32_t rank = a->rank - axis;
	int64_t dims[GRAPH_RANK_MAX];

	for (uint32_t d = 0; d < rank; d++)
		dims[d] = d < b->rank ? b->dims[d] : 1;
	if (rank == b->rank)
		return 0;
	node->inputs[1] = onnx_emit_reshape(onnx, node, node->inputs[1], rank, dims);
	return node->inputs[1] == GRAPH_NONE ? onnx_refused(onnx) : 0;
}

int onnx_old_broadcast(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor *a = onnx_input(onnx, node, 0), *b = onnx_input(onnx, node, 1);
	int64_t broadcast, axis, last = (int64_t)a->rank - b->rank;

	if (onnx->opset >= 7)
		return 0;
	if (onnx_int(onnx, node, "broadcast", 0, &broadcast) ||
		onnx_int(onnx, node, "axis", last, &axis))
		return onnx_refused(onnx);
	if (broadcast == 0) {
		if (same_dims(a, b))
			return 0;
		return onnx_refuse(onnx, node, -EINVAL,
			"inputs %s and %s differ; before opset 7 that needs broadcast = 1",
			tensor_shape_text(a).text, tensor_shape_text(b).text);
	}
	if (axis < 0 && last >= 0)
		axis += a->rank;
	if (axis < 0 || axis > last)
		return onnx_refuse(onnx, node, -EINVAL,
			"input 1 %s has no place in input 0 %s from axis %lld on",
			tensor_shape_text(b).text, tensor_shape_text(a).text, (long long)axis);
	return align(onnx, node, (uint32_t)axis);
}

int onnx_old_slope(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor *x = onnx_input(onnx, node, 0), *slope = onnx_input(onnx, node, 1);

	if (onnx->opset >= 7 || slope->rank != 1 || slope->dims[0] == 1 || x->rank < 2)
		return 0;
	return align(onnx, node, 1);
}

int onnx_old_test_mode(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t is_test;

	if (onnx->opset >= 7)
		return 0;
	if (onnx_int(onnx, node, "is_test", 0, &is_test))
		return onnx_refused(onnx);
	return is_test ? 0
		       : onnx_refuse(onnx, node, -ENOTSUP,
				 "is_test is 0, which is for training; export for inference");
}
