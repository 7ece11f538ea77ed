// SPDX-License-Identifier: BSD-3-Clause
// Names of the graph's columns, from its tensors; then what the file's metadata_props say of them.
#pragma once

#include "infer/import/onnx/onnx.h"

int onnx_name_columns(struct onnx *onnx);  // -ENOMEM
int onnx_read_metadata(struct onnx *onnx); // -ENOMEM; a list that does not fit is only reported
