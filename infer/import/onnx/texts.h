// SPDX-License-Identifier: BSD-3-Clause
// Texts of a file. A row is float32, so each different text is a number here, and a tensor of texts is
// one of I64 that is marked: importers of operators that only move values move these numbers.
//
// A column of the row that holds texts is a number below 0 in a constant, until an operator compares
// it with texts of the file: text_columns.h. So every move of columns is folded while importing.
#pragma once

#include "infer/import/onnx/onnx.h"

// The number of a text, the same for the same bytes. -ENOTSUP: too many; -ENOMEM.
int onnx_text_add(struct onnx *onnx, const void *bytes, size_t n_bytes, int64_t *number);
// The text of a number that onnx_text_add() gave; up to its first zero byte.
const char *onnx_text_at(const struct onnx *onnx, int64_t number);
// Texts so far: their numbers are below it.
uint32_t onnx_n_texts(const struct onnx *onnx);

int onnx_mark_text(struct onnx *onnx, uint32_t tensor); // 0 or -ENOMEM
bool onnx_is_text(const struct onnx *onnx, uint32_t tensor);
// Are there columns of the row among its elements?
bool onnx_has_text_columns(const struct onnx *onnx, uint32_t tensor);

// A constant of texts [n]. GRAPH_NONE: refused, the sentence is made.
uint32_t onnx_text_list(struct onnx *onnx, const struct onnx_node *node,
	const ProtobufCBinaryData *texts, size_t n);
// onnx_tensor() (tensor.h) where texts are welcome.
int onnx_tensor_or_text(struct onnx *onnx, const Onnx__TensorProto *proto, const char *name,
	const char *where, uint32_t *tensor);

// Before a node with texts among its inputs is imported: may its operator have them? After: marks
// what it moved. 0, -ENOTSUP, -EINVAL, -ENOMEM with the sentence made.
int onnx_texts_before(struct onnx *onnx, const struct onnx_node *node);
int onnx_texts_after(struct onnx *onnx, const struct onnx_node *node);
