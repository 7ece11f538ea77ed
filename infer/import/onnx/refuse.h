// SPDX-License-Identifier: BSD-3-Clause
// How a node of the file is refused.
#pragma once

#include "infer/import/onnx/onnx.h"

// Makes the sentence "node 'x' (Gemm): ..." and hands `code` back.
__attribute__((format(printf, 4, 5))) int onnx_refuse(
	struct onnx *onnx, const struct onnx_node *node, int code, const char *format, ...);
// The commonest of all, where memory is used up: -ENOMEM.
int onnx_refuse_memory(struct onnx *onnx, const struct onnx_node *node);
// Puts the node in front of a sentence that knows nothing of it, and hands that one's code back.
int onnx_refuse_as(struct onnx *onnx, const struct onnx_node *node);
