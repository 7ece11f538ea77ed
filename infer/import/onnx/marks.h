// SPDX-License-Identifier: BSD-3-Clause
// Which tensors have a property that their graph does not know: a flag for each, by number.
#pragma once

#include "infer/import/onnx/onnx.h"

// 0 or -ENOMEM with the sentence made, in which `what` is what is marked, as in "texts".
int onnx_marks_add(struct onnx *onnx, struct onnx_marks *marks, uint32_t tensor, const char *what);
bool onnx_marks_have(const struct onnx_marks *marks, uint32_t tensor);
