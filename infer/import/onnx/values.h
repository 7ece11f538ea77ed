// SPDX-License-Identifier: BSD-3-Clause
// Names of values to what they are. Where NULL is returned, the sentence is made.
#pragma once

#include "infer/import/onnx/onnx.h"

// Made when it is new; NULL: out of memory.
struct onnx_value *onnx_value(struct onnx *onnx, const char *name);
bool onnx_value_exists(struct onnx *onnx, const char *name);
// A name's one definition; NULL: it is empty, or defined before, or memory is out.
struct onnx_value *onnx_define(struct onnx *onnx, const char *name, const char *what);
// The definitions of all that the file's nodes put out: 0 or a negative errno.
int onnx_define_outputs(struct onnx *onnx);
// "<stem><mark><number>" that no value of the file has, in the graph's memory; NULL: out of memory.
const char *onnx_fresh_name(struct onnx *onnx, const char *stem, char mark);
