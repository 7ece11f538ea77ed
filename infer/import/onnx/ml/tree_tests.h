// SPDX-License-Identifier: BSD-3-Clause
// What both forms of tree ensembles share: tests of branches, numbers as doubles, and the node of
// the graph that scores.
#pragma once

#include "infer/import/forest.h"
#include "infer/import/onnx/onnx.h"

enum tree_mode {
	MODE_LEQ,
	MODE_LT,
	MODE_GTE,
	MODE_GT,
	MODE_EQ,
	MODE_NEQ,
	MODE_MEMBER,
	MODE_COUNT,
};

// The test "x MODE threshold", exactly for a float32 x, where `missing_true` says that NaN takes
// the true branch; node->yes and node->no are the true and false branch when it is called.
void onnx_tree_test(
	struct forest_node *node, enum tree_mode mode, double threshold, bool missing_true);
// Scores [1, targets] of a forest: aggregated ("SUM", "AVERAGE", "MIN", "MAX"), with base values
// ([targets], or NULL for none). GRAPH_NONE: refused, the sentence is made.
uint32_t onnx_emit_forest(struct onnx *onnx, const struct onnx_node *node, struct forest *forest,
	uint32_t n_targets, const char *aggregate, const double *base, uint32_t x);
// Numbers of an attribute: FLOATS, or a TENSOR of floats or doubles. *values NULL: not there.
int onnx_attr_doubles(struct onnx *onnx, const struct onnx_node *node, const char *name,
	const char *tensor_name, size_t *count, const double **values);
