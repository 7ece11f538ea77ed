// SPDX-License-Identifier: BSD-3-Clause
// Classes by name and by number: what ai.onnx.ml's classifiers say of them, and the one predicted.
// 0 or a negative errno with the sentence made.
#pragma once

#include "infer/import/onnx/onnx.h"

// Class labels of the file become the image's, unless a node before gave some.
int onnx_keep_labels(struct onnx *onnx, const struct onnx_node *node, const char *strings_name,
	const char *ints_name, size_t *count);
// The node's output 0 is the class of the highest score [1, n], the first of equal ones: where
// labels are wanted its whole number in `ints_name`, or where classes are text its index; or else
// dropped.
int onnx_output_label(
	struct onnx *onnx, const struct onnx_node *node, const char *ints_name, uint32_t scores);
