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
// What is left of the transform where an ensemble has one output, as ONNX Runtime has it: one score
// has nothing to be weighed against, and only PROBIT is applied. Said in the report where that leaves
// one out, since the specification knows no such exception.
enum post_transform onnx_post_of_targets(struct onnx *onnx, const struct onnx_node *node,
	enum post_transform post, int64_t n_targets);
// What the transform makes of scores [1, n]. GRAPH_NONE: refused, the sentence is made; or so
// before, where scores is GRAPH_NONE.
uint32_t onnx_emit_post_transform(
	struct onnx *onnx, const struct onnx_node *node, enum post_transform post, uint32_t scores);
