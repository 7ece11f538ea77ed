// SPDX-License-Identifier: BSD-3-Clause
// Sequences of tensors: a sequence is a constant of I64 that holds the numbers of its tensors, and that
// is marked, so that bodies carry it from round to round as they do any tensor.
#pragma once

#include "infer/import/onnx/onnx.h"

struct onnx_sequence {
	const int64_t *tensors; // [n]
	uint32_t n;
};

// A sequence of these tensors, none of which is one itself. GRAPH_NONE: refused, the sentence is made.
uint32_t onnx_sequence(
	struct onnx *onnx, const struct onnx_node *node, uint32_t n, const uint32_t *tensors);
bool onnx_is_sequence(const struct onnx *onnx, uint32_t tensor);
struct onnx_sequence onnx_sequence_of(const struct onnx *onnx, uint32_t tensor);
// Before a node is imported: only operators of sequences, and bodies, may have them. 0 or -ENOTSUP.
int onnx_sequences_before(struct onnx *onnx, const struct onnx_node *node);
// What is left of a sequence that is an output, as of a classifier of several labels: its tensors'
// values as columns, one after the other.
uint32_t onnx_sequence_columns(struct onnx *onnx, const struct onnx_node *node, uint32_t tensor);
