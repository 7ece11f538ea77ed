// SPDX-License-Identifier: BSD-3-Clause
// What the nodes that read an input say of a dimension that the file leaves open: the weights that
// multiply it, the columns that are taken of it.
#pragma once

#include "infer/import/onnx/onnx.h"

// How long dimension `axis` of an input of `rank` dimensions is; 0: nothing tells. Where columns
// are only picked, it is as many as the last of them needs, and the report says so.
int64_t onnx_width(struct onnx *onnx, const char *input, uint32_t rank, uint32_t axis);
