// SPDX-License-Identifier: BSD-3-Clause
// The dimensions of a model's inputs for one row: which is the batch, what the command line says of
// those that are open, and what weights tell of them.
#pragma once

#include "infer/import/onnx/onnx.h"

// Before any input is read: the shapes given on the command line, the name that inputs give to the
// batch. 0, -EINVAL: what was given fits no input.
int onnx_dims_begin(struct onnx *onnx);
// Dimensions of an input for one evaluation. 0, or a negative errno with the sentence made.
int onnx_input_dims(struct onnx *onnx, const Onnx__ValueInfoProto *info, uint32_t *rank,
	int64_t dims[GRAPH_RANK_MAX]);
// After the outputs are made: fills in options->batch.
void onnx_dims_end(struct onnx *onnx);
