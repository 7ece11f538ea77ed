// SPDX-License-Identifier: BSD-3-Clause
// What a file gives before its nodes: initialisers first, then inputs, for one row. 0 or a negative
// errno with the sentence made.
#pragma once

#include "infer/import/onnx/onnx.h"

int onnx_read_initializers(struct onnx *onnx);
int onnx_read_inputs(struct onnx *onnx);
