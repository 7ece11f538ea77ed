// SPDX-License-Identifier: BSD-3-Clause
// Nodes of the graph for a node of the file, shapes inferred as they come. Where GRAPH_NONE is
// returned, the sentence is made; where it is given for a tensor that is no optional input, that
// was refused before, and GRAPH_NONE is returned: so calls may be nested, and the end of the chain
// is looked at.
#pragma once

#include "infer/import/onnx/onnx.h"

// A node whose one output has a name of its own making.
uint32_t onnx_emit(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t n_inputs,
	const uint32_t *inputs, uint32_t n_attrs, const struct attr *attrs);
// The same of one, two or three inputs without attributes; of x and a number.
uint32_t onnx_emit_one(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t x);
uint32_t onnx_emit_pair(
	struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t a, uint32_t b);
uint32_t onnx_emit_with(
	struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t x, float value);
uint32_t onnx_emit_where(struct onnx *onnx, const struct onnx_node *node, uint32_t condition,
	uint32_t yes, uint32_t no);
uint32_t onnx_emit_reshape(struct onnx *onnx, const struct onnx_node *node, uint32_t input,
	uint32_t rank, const int64_t *dims);
// The tensor as another dtype: itself where it has that, the row's own values for an input.
uint32_t onnx_as(
	struct onnx *onnx, const struct onnx_node *node, uint32_t tensor, enum dtype dtype);

// A node of several outputs: 0 or a negative errno.
#define ONNX_EMIT_OUTPUTS 3
struct onnx_emission {
	enum op op;
	uint32_t n_inputs;
	const uint32_t *inputs;
	uint32_t n_attrs;
	const struct attr *attrs;
};
int onnx_emit_outputs(struct onnx *onnx, const struct onnx_node *node,
	const struct onnx_emission *emission, uint32_t n_outputs, uint32_t *outputs);

// Names `tensor` as the node's k-th output in the file; nothing where the file has no such output.
int onnx_output(struct onnx *onnx, const struct onnx_node *node, uint32_t k, uint32_t tensor);
// Names `made` as the first output, where input `spread` was to broadcast to the tensor `to` and not
// the other way round: -EINVAL where `made` is wider than `to`.
int onnx_output_as_wide(struct onnx *onnx, const struct onnx_node *node, uint32_t to,
	uint32_t spread, uint32_t made);
// The node's inputs in one dtype: constant whole numbers become floats where another input is.
int onnx_as_floats(struct onnx *onnx, const struct onnx_node *node);
// The node as one node of the graph: its first `n_inputs` inputs as above, its first output.
int onnx_import_as(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t n_inputs,
	uint32_t n_attrs, const struct attr *attrs);
