// SPDX-License-Identifier: BSD-3-Clause
// What ai.onnx.ml does to scores at the end: post_transform.
#pragma once

#include "infer/import/onnx/onnx.h"

enum post_transform {
	POST_NONE,
	POST_SOFTMAX,
	POST_LOGISTIC,
	POST_SOFTMAX_ZERO,
	POST_PROBIT,
	POST_COUNT,
};

int onnx_read_post_transform(
	struct onnx *onnx, const struct onnx_node *node, enum post_transform *post);
// What the transform makes of scores [1, n]. GRAPH_NONE: refused, the sentence is made; or so
// before, where scores is GRAPH_NONE.
uint32_t onnx_emit_post_transform(
	struct onnx *onnx, const struct onnx_node *node, enum post_transform post, uint32_t scores);
