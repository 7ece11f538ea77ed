// SPDX-License-Identifier: BSD-3-Clause
// An ONNX file's bytes to protobuf-c's structs, however hostile they are: bounded in nesting and
// memory.
#pragma once

#include "base/error.h"
#include "infer/graph/arena.h"

#include "onnx.pb-c.h"

#define ONNX_NESTING_MAX 32 // messages inside messages; sound models reach 11
#define ONNX_FILE_MAX    ((size_t)1 << 30)

// -EINVAL, -ENOMEM. *model is freed with onnx_free_model().
int onnx_parse(const void *bytes, size_t size, Onnx__ModelProto **model, struct error *err);
// One attribute, in the arena's memory: what onnx.proto does not know yet, and has in it.
int onnx_parse_attribute(const void *bytes, size_t size, struct arena *arena,
	Onnx__AttributeProto **attr, struct error *err);
void onnx_free_model(Onnx__ModelProto *model); // NULL is fine
