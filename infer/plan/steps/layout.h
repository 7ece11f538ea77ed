// SPDX-License-Identifier: BSD-3-Clause
// Tensors between convolutions and pools may stand with their channels side by side,
// [N][places][C] instead of ONNX's [N][C][places], where their only reader can read them so.
#pragma once

#include "infer/graph/window.h"
#include "infer/plan/builder.h"

// Can the only reader of a node's output 0 read it so? A pool can if its own reader can, and so on
// through `pools` of them.
bool layout_reader_takes(const struct builder *builder, const struct node *node, uint32_t pools);
// Should output 0 of the node at hand stand so? Notes it for its reader.
bool layout_output_last(struct builder *builder);
// Does input 0 stand so?
bool layout_input_last(const struct builder *builder);
// The k rows of a Dense's or QDense's weights for an x that stands so: malloc'ed, NULL without
// memory.
void *layout_dense_weights(
	const struct builder *builder, const void *w, uint32_t k, size_t row_bytes);

// The forms that read and write both ways, of any node of the graph. They fill in its window.
bool conv_tile_takes(const struct builder *builder, const struct node *node, struct window *window);
bool qconv_takes(const struct builder *builder, const struct node *node);
bool pool_takes(const struct builder *builder, const struct node *node, uint32_t pools);
