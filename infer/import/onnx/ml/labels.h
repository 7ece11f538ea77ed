// SPDX-License-Identifier: BSD-3-Clause
// Classes by name and by number: what ai.onnx.ml's classifiers say of them, and the one predicted.
// 0 or a negative errno with the sentence made.
#pragma once

#include "infer/import/onnx/onnx.h"

// Class labels of the file become the image's, unless a node before gave some.
int onnx_keep_labels(struct onnx *onnx, const struct onnx_node *node, const char *strings_name,
	const char *ints_name, size_t *count);
// Must the node's output 0, the class, be computed? Not where it is only dropped.
bool onnx_wants_label(struct onnx *onnx, const struct onnx_node *node);
// The node's output 0 is the class of the highest score [1, n], the first of equal ones: its whole
// number in `ints_name`, or its text, or where the file gives neither its index. Only a name where
// it is not wanted.
int onnx_output_label(
	struct onnx *onnx, const struct onnx_node *node, const char *ints_name, uint32_t scores);
