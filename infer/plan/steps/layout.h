// SPDX-License-Identifier: BSD-3-Clause
// The layout of images between convolutions and pools: channels last, [N][spatial...][C], instead
// of ONNX's channels first, [N][C][spatial...], where the tensor's only reader can take it so.
#pragma once

#include "infer/plan/builder.h"

// Can the only reader of a node's output 0 take it channels last?
channels_last_fn layout_reader_takes;
// Should output 0 of the node at hand be channels last? Notes the answer for layout_input_last().
bool layout_output_last(struct builder *builder);
// Is input 0 of the node at hand channels last?
bool layout_input_last(const struct builder *builder);
// The weights w of a Dense or QDense, k rows of row_bytes, with their rows in the order of an x
// that is channels last, for arena_give_back() of the plan's arena; NULL without memory.
void *layout_dense_weights(
	const struct builder *builder, const void *w, uint32_t k, size_t row_bytes);
