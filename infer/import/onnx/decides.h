// SPDX-License-Identifier: BSD-3-Clause
// Which constants come from the sizes of tensors, and the nodes that decide by them.
#pragma once

#include "infer/import/onnx/onnx.h"

// Before a node is imported: keeps it in options->deciding where it decides by sizes.
void onnx_decides_before(struct onnx *onnx, const struct onnx_node *node);
// After it: what it makes of sizes is one, too. -ENOMEM with the sentence made.
int onnx_decides_after(struct onnx *onnx, const struct onnx_node *node);

// Does a constant come from sizes? What is counted by rounds that sizes tell does, too, and is marked
// by whoever counts: -ENOMEM with the sentence made.
bool onnx_is_size(const struct onnx *onnx, uint32_t tensor);
int onnx_mark_size(struct onnx *onnx, uint32_t tensor);
