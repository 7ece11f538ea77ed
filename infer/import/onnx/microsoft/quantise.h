// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/import/onnx/onnx.h"

// (float)sum((a - a_zero) (b - b_zero)) * (scales[0] * scales[1]) + bias of the bytes `factors`, a, b
// and their zero points; those and the bias may be GRAPH_NONE.
uint32_t onnx_quantised_product(struct onnx *onnx, const struct onnx_node *node,
	const uint32_t factors[4], const uint32_t scales[2], uint32_t bias);
