// SPDX-License-Identifier: BSD-3-Clause
// What a file declares of its values' shapes: of use where an operator's shape is computed.
#pragma once

#include "infer/import/onnx/onnx.h"

// The shape declared for a value, every dimension being told. False: none, or one is open.
bool onnx_declared_shape(
	const struct onnx *onnx, const char *name, uint32_t *rank, int64_t dims[GRAPH_RANK_MAX]);
// The same where some are open: those are -1. What they are at scoring, the file does not say.
bool onnx_declared_partly(
	const struct onnx *onnx, const char *name, uint32_t *rank, int64_t dims[GRAPH_RANK_MAX]);
