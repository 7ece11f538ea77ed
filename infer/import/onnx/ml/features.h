// SPDX-License-Identifier: BSD-3-Clause
// What ai.onnx.ml's operators on columns are put together from (onnx_ml_features.c). GRAPH_NONE, in
// or out: refused, the sentence is made.
#pragma once

#include "infer/import/onnx/ml/ml.h"

uint32_t ml_emit_where(struct onnx *onnx, const struct onnx_node *node, uint32_t condition,
	uint32_t yes, uint32_t no);
uint32_t ml_emit_as(
	struct onnx *onnx, const struct onnx_node *node, uint32_t tensor, enum dtype dtype);
// Constants: [n] whole numbers of an attribute as `dtype`, [count] floats, one number.
uint32_t ml_ints(struct onnx *onnx, const struct onnx_node *node, const Onnx__AttributeProto *attr,
	enum dtype dtype);
uint32_t ml_floats(
	struct onnx *onnx, const struct onnx_node *node, size_t count, const float *values);
uint32_t ml_int(struct onnx *onnx, const struct onnx_node *node, int64_t value, enum dtype dtype);
