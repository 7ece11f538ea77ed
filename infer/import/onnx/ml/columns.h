// SPDX-License-Identifier: BSD-3-Clause
// Rows of columns and the constants that importers of ai.onnx.ml combine them with. GRAPH_NONE:
// refused, the sentence is made.
#pragma once

#include "infer/import/onnx/onnx.h"

// A batch of rows [1, C] as float32, whatever the input's rank and dtype.
uint32_t onnx_as_row(struct onnx *onnx, const struct onnx_node *node, int64_t *columns);
// Constants: [n] whole numbers of an attribute as `dtype`, [count] floats, one number.
uint32_t onnx_int_columns(struct onnx *onnx, const struct onnx_node *node,
	const Onnx__AttributeProto *attr, enum dtype dtype);
uint32_t onnx_float_columns(
	struct onnx *onnx, const struct onnx_node *node, size_t count, const float *values);
uint32_t onnx_int_scalar(
	struct onnx *onnx, const struct onnx_node *node, int64_t value, enum dtype dtype);
