// SPDX-License-Identifier: BSD-3-Clause
// The file's nodes, each by its operator's importer, in topological order. 0 or a negative errno with
// the sentence made.
#pragma once

#include "infer/import/onnx/onnx.h"

int onnx_import_nodes(struct onnx *onnx);
// One of onnx->proto's, where what it reads is imported.
int onnx_import_node(struct onnx *onnx, uint32_t index);
