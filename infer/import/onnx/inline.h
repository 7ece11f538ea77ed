// SPDX-License-Identifier: BSD-3-Clause
// Each node that calls a function of the file (functions.h) is replaced by the nodes of its body,
// before anything else looks at them.
#pragma once

#include "infer/import/onnx/onnx.h"

#define ONNX_CALL_DEPTH_MAX 32 // functions that call functions

// Makes onnx->proto a graph without calls, and onnx->node_opsets the opsets of its nodes, where a
// function may have imported others than the model. A file without functions stays as it is.
//
// A function's own values get names that hold the number of the call, so that no two calls share
// one. -EINVAL also for a function that calls itself; and what onnx_read_functions() refuses.
int onnx_inline_functions(struct onnx *onnx);
