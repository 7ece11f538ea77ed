// SPDX-License-Identifier: BSD-3-Clause
// A batch that the file fixes (struct onnx's fixed_batch) also stands as a number in shapes and in
// constants: what was exported for 32 rows is read for as many as one evaluation takes. These are
// guesses that compile/batch.h proves; where nothing is fixed, they change nothing.
#pragma once

#include "infer/import/onnx/onnx.h"

// A shape that a file spells out: the first dimension that is the batch.
void onnx_fixed_dims(const struct onnx *onnx, uint32_t rank, int64_t *dims);
// The same of a shape for `elements` values: the dimension that holds the batch, alone or times
// others; none where the shape fits as it is.
void onnx_fixed_reshape(const struct onnx *onnx, int64_t elements, uint32_t rank, int64_t *dims);
// A constant that is the same for all rows, as zero states are: of as many rows as are taken. The
// tensor itself where it is none; GRAPH_NONE: out of memory, the sentence made.
uint32_t onnx_fixed_constant(struct onnx *onnx, const struct onnx_node *node, uint32_t tensor);
