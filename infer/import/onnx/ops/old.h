// SPDX-License-Identifier: BSD-3-Clause
// Forms that were given up at opset 7. Of a newer file they leave the node as it is; of an older one
// they change node->inputs, or refuse.
#pragma once

#include "infer/import/onnx/onnx.h"

// Operands of Add, Sub, Mul, Div, ... as the attributes "broadcast" and "axis" say.
int onnx_old_broadcast(struct onnx *onnx, const struct onnx_node *node);
// A slope of PRelu for each channel, dimension 1.
int onnx_old_slope(struct onnx *onnx, const struct onnx_node *node);
// Refuses what is_test = 0 says is for training.
int onnx_old_test_mode(struct onnx *onnx, const struct onnx_node *node);
