// SPDX-License-Identifier: BSD-3-Clause
// What importers that write one operator as others have in common beside emit.h. As there:
// GRAPH_NONE for an input was refused before, and is handed on.
#pragma once

#include "infer/import/onnx/onnx.h"

// What the operator `type` of ai.onnx makes of the inputs and the node's attributes: its first
// output, under a name of its own. GRAPH_NONE: refused, sentence made.
uint32_t onnx_as_operator(struct onnx *onnx, const struct onnx_node *node, const char *type,
	uint32_t n_inputs, const uint32_t *inputs);

// The input's dimensions in the order of perm, [rank].
uint32_t onnx_emit_transpose(
	struct onnx *onnx, const struct onnx_node *node, uint32_t x, const int64_t *perm);
// `count` indices of an axis, from `start` on, each `step` apart.
uint32_t onnx_emit_part(struct onnx *onnx, const struct onnx_node *node, uint32_t x, uint32_t axis,
	int64_t start, int64_t count, int64_t step);
uint32_t onnx_emit_concat(
	struct onnx *onnx, const struct onnx_node *node, uint32_t a, uint32_t b, uint32_t axis);
