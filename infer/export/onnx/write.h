// SPDX-License-Identifier: BSD-3-Clause
// A graph as an ONNX file: opset 17, and version 3 of ai.onnx.ml for trees, as onnx 1.12 and ONNX Runtime read them.
#pragma once

#include "infer/graph/graph.h"

// The graph passes graph_check(). The file takes any number of rows at a time, or one, where an operator depends on
// it (Reshape, RNN, GRU, LSTM). *bytes are malloc'ed. -ENOTSUP: the sentence names the node for which ONNX has no
// operator, -EFBIG, -ENOMEM.
int onnx_write(const struct graph *graph, void **bytes, size_t *size, struct error *err);
