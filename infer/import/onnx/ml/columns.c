// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/ml/columns.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <string.h>

uint32_t onnx_as_row(struct onnx *onnx, const struct onnx_node *node, int64_t *columns)
{
	const uint32_t made = onnx_as(onnx, node, node->inputs[0], DTYPE_F32);
	const struct tensor *x = made == GRAPH_NONE ? NULL : &onnx->graph->tensors[made];
	int64_t dims[2] = { 1, x && x->rank ? x->dims[0] : 1 };

	if (!x)
		return GRAPH_NONE;
	if (x->rank > 2) {
		onnx_refuse(onnx, node, -ENOTSUP,
			"the input has %u dimensions, at most 2 are possible", x->rank);
		return GRAPH_NONE;
	}
	*columns = x->rank == 2 ? x->dims[1] : dims[1];
	return x->rank == 2 ? made : onnx_emit_reshape(onnx, node, made, 2, dims);
}

// [n] whole numbers of an attribute as a constant of `dtype`.
uint32_t onnx_int_columns(struct onnx *onnx, const struct onnx_node *node,
	const Onnx__AttributeProto *attr, enum dtype dtype)
{
	const int64_t dims[1] = { (int64_t)attr->n_ints };
	void *data;
	const uint32_t made = onnx_made(onnx, node, DTYPE_I64, 1, dims, &data);

	if (made == GRAPH_NONE)
		return GRAPH_NONE;
	memcpy(data, attr->ints, attr->n_ints * sizeof(int64_t));
	return onnx_as(onnx, node, made, dtype);
}

uint32_t onnx_float_columns(
	struct onnx *onnx, const struct onnx_node *node, size_t count, const float *values)
{
	const int64_t dims[1] = { (int64_t)count };
	void *data;
	const uint32_t made = onnx_made(onnx, node, DTYPE_F32, 1, dims, &data);

	if (made != GRAPH_NONE)
		memcpy(data, values, count * sizeof(float));
	return made;
}

uint32_t onnx_int_scalar(
	struct onnx *onnx, const struct onnx_node *node, int64_t value, enum dtype dtype)
{
	void *data;
	const uint32_t made = onnx_made(onnx, node, DTYPE_I64, 0, NULL, &data);

	if (made == GRAPH_NONE)
		return GRAPH_NONE;
	*(int64_t *)data = value;
	return onnx_as(onnx, node, made, dtype);
}
