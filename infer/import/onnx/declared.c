// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/declared.h"

#include <string.h>

#define DECLARED_MAX 4096 // a file with more is searched for none: each search takes that long

// An open dimension is -1.
static bool read_declared(const Onnx__TypeProto *type, uint32_t *rank, int64_t *dims)
{
	const Onnx__TensorShapeProto *shape;

	if (!type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !type->tensor_type)
		return false;
	shape = type->tensor_type->shape;
	if (!shape || shape->n_dim > GRAPH_RANK_MAX)
		return false;
	*rank = (uint32_t)shape->n_dim;
	for (uint32_t d = 0; d < *rank; d++) {
		bool fixed = shape->dim[d]->value_case ==
			ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;

		dims[d] = fixed && shape->dim[d]->dim_value >= 0 ? shape->dim[d]->dim_value : -1;
		if (dims[d] == 0 || dims[d] > GRAPH_ELEMENTS_MAX)
			return false;
	}
	return true;
}

bool onnx_declared_shape(
	const struct onnx *onnx, const char *name, uint32_t *rank, int64_t dims[GRAPH_RANK_MAX])
{
	if (!onnx_declared_partly(onnx, name, rank, dims))
		return false;
	for (uint32_t d = 0; d < *rank; d++) {
		if (dims[d] < 0)
			return false;
	}
	return true;
}

bool onnx_declared_partly(
	const struct onnx *onnx, const char *name, uint32_t *rank, int64_t dims[GRAPH_RANK_MAX])
{
	const Onnx__GraphProto *proto = onnx->proto;
	size_t n = proto->n_output + proto->n_value_info;

	if (n > DECLARED_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		const Onnx__ValueInfoProto *info = i < proto->n_output
			? proto->output[i]
			: proto->value_info[i - proto->n_output];

		if (strcmp(onnx_text(info->name), name) == 0)
			return read_declared(info->type, rank, dims);
	}
	return false;
}
