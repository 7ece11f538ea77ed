// SPDX-License-Identifier: BSD-3-Clause
// Outputs that are the predicted class: found, and what classes there are.
#pragma once

#include "infer/import/onnx/onnx.h"

// The list of constants that a computed tensor of texts or whole numbers is taken from: found
// backwards through what only moves its values. *found is NULL where there is none. 0 or -ENOMEM.
int onnx_classes_of(struct onnx *onnx, uint32_t tensor, const struct onnx_classes **found);
// The number in `classes` of each text of a computed tensor. GRAPH_NONE: refused, the sentence is
// made.
uint32_t onnx_class_numbers(struct onnx *onnx, const struct onnx_node *node, uint32_t tensor,
	const struct onnx_classes *classes);
