// SPDX-License-Identifier: BSD-3-Clause
// Constants of the graph: those of the file, and those that importers make. Where GRAPH_NONE is
// returned, the sentence is made.
#pragma once

#include "infer/import/onnx/onnx.h"

const char *onnx_type_name(int64_t type); // of an element; "an unknown type"
// The dtype that values of an element type have here: floats of any width are F32, whole numbers
// and bool what they are. False: text, complex numbers and what is not known.
bool onnx_dtype(int64_t type, enum dtype *dtype);
// Is a tensor of the file of 4 bits? They become int8 or uint8 here.
bool onnx_is_nibbles(const Onnx__TensorProto *proto);
// How many values a tensor of the file has by its dimensions, which are checked. -EINVAL, -ENOTSUP.
int onnx_tensor_shape(struct onnx *onnx, const Onnx__TensorProto *proto, const char *name,
	const char *where, int64_t *elements);
// A constant as the file has it, in the dtype above. `where` for the sentence. 0, -EINVAL,
// -ENOTSUP, -ENOMEM.
int onnx_tensor(struct onnx *onnx, const Onnx__TensorProto *proto, const char *name,
	const char *where, uint32_t *tensor);
// The same of a proto whose values nobody reads again: it may lose them to the graph.
int onnx_tensor_taken(struct onnx *onnx, Onnx__TensorProto *proto, const char *name,
	const char *where, uint32_t *tensor);
// The same of a sparse one, as all of its values: those that it does not hold are 0.
int onnx_sparse_tensor(struct onnx *onnx, const Onnx__SparseTensorProto *proto, const char *name,
	uint32_t *tensor);
// A constant with memory for its values, zeroed, which the caller fills.
uint32_t onnx_constant(struct onnx *onnx, const char *name, enum dtype dtype, uint32_t rank,
	const int64_t *dims, void **data);
// The same under a name of its own making.
uint32_t onnx_made(struct onnx *onnx, const struct onnx_node *node, enum dtype dtype, uint32_t rank,
	const int64_t *dims, void **data);
// One float, under a name of its own making.
uint32_t onnx_scalar(struct onnx *onnx, const struct onnx_node *node, float value);
// The values of the constant `tensor` under other dims, as a tensor of its own.
uint32_t onnx_reshaped(
	struct onnx *onnx, uint32_t tensor, const char *stem, uint32_t rank, const int64_t *dims);
