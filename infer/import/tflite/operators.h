// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/import/tflite/tflite.h"

// Number `index` of those that are supported, as model_operator() (infer/infer.h) lists them.
bool tflite_operator_listed(size_t index, struct model_operator *found);
// The name of an operator of the schema; "an unknown operator".
const char *tflite_operator_name(int64_t code);
// Writes the ONNX of operator `index`. -EINVAL, -ENOTSUP, -ENOMEM.
int tflite_import_operator(struct tflite *t, uint32_t index);
