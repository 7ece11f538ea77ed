// SPDX-License-Identifier: BSD-3-Clause
// What a file declares of its values' shapes: of use where an operator's shape is computed.
#pragma once

#include "infer/import/onnx/onnx.h"

// The shape declared for a value, an open first dimension being the batch. False: none.
bool onnx_declared_shape(
	const struct onnx *onnx, const char *name, uint32_t *rank, int64_t dims[GRAPH_RANK_MAX]);
