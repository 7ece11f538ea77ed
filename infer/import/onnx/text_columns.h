// SPDX-License-Identifier: BSD-3-Clause
// Columns of the row that hold texts. In a row each is a number: the place of its text among those of
// the file that the column is compared with, which the image keeps (graph.h, `texts`); any other number
// is a text that is not among them.
//
// Until it is compared, a column is the number ~c in a constant of texts: texts.h.
#pragma once

#include "infer/import/onnx/onnx.h"

// The columns of the input `port`, as a constant of texts of its shape.
uint32_t onnx_text_input(
	struct onnx *onnx, const char *name, uint32_t port, uint32_t first_feature);
// The row's numbers for columns x, which have no other texts among them: float32 of x's shape.
uint32_t onnx_text_codes(struct onnx *onnx, const struct onnx_node *node, uint32_t x);
// The numbers that stand for the constant texts keys [n] in columns x: float32 [n], or
// [x's shape, n] where they differ from column to column. A column that is compared with none that it
// `takes_unknown`.
uint32_t onnx_text_keys(struct onnx *onnx, const struct onnx_node *node, uint32_t x, uint32_t keys,
	bool takes_unknown);
// x where the bool `condition` holds, else y, as texts: columns of the row are among them.
uint32_t onnx_text_where(struct onnx *onnx, const struct onnx_node *node, uint32_t condition,
	uint32_t x, uint32_t y);
// x == y, as bools, of texts with columns of the row among x or y.
uint32_t onnx_text_equal(struct onnx *onnx, const struct onnx_node *node, uint32_t x, uint32_t y);
// The columns are numbers after all, in text: as float32.
uint32_t onnx_text_numbers(struct onnx *onnx, const struct onnx_node *node, uint32_t x);

// When all nodes are read: what the image keeps. 0 or a negative errno with the sentence made.
int onnx_keep_text_maps(struct onnx *onnx);
