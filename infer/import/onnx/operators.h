// SPDX-License-Identifier: BSD-3-Clause
// All operators that are read, of every family.
#pragma once

#include "infer/import/onnx/family.h"

// The operator of that name, of ai.onnx.ml or of ai.onnx; NULL: it is not read.
const struct onnx_operator *onnx_operator_find(bool ml, const char *type);
// Number `index` of all operators; NULL behind the last.
const struct onnx_operator *onnx_operator_at(size_t index, bool *ml);
