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

// How thresholds of 64 bits become float32 (enum thresholds_kind), and whether there were any.
struct tree_thresholds {
	bool nearest, rounded;
};
// As the options say, or as the file's kind wants.
struct tree_thresholds onnx_tree_thresholds(struct onnx *onnx);
// Says in the report what became of them.
void onnx_report_thresholds(
	struct onnx *onnx, const struct onnx_node *node, const struct tree_thresholds *how);

// The test "x MODE threshold" of a float32 x, where `missing_true` says that NaN takes the true
// branch; node->yes and node->no are the true and false branch when it is called.
void onnx_tree_test(struct forest_node *node, enum tree_mode mode, double threshold,
	bool missing_true, struct tree_thresholds *how);
// Scores [1, targets] of a forest: aggregated ("SUM", "AVERAGE", "MIN", "MAX"), with base values
// ([targets], or NULL for none). GRAPH_NONE: refused, the sentence is made.
uint32_t onnx_emit_forest(struct onnx *onnx, const struct onnx_node *node, struct forest *forest,
	uint32_t n_targets, const char *aggregate, const double *base, uint32_t x);
// Numbers of an attribute: FLOATS, or a TENSOR of floats or doubles. *values NULL: not there.
int onnx_attr_doubles(struct onnx *onnx, const struct onnx_node *node, const char *name,
	const char *tensor_name, size_t *count, const double **values);
