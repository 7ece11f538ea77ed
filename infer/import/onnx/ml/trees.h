// SPDX-License-Identifier: BSD-3-Clause
// The attributes of TreeEnsembleRegressor and TreeEnsembleClassifier: lists of nodes and weights.
#pragma once

#include "infer/import/forest.h"
#include "infer/import/onnx/ml/ml.h"

struct place { // of a node: its tree and number there, and its index in the lists
	int64_t tree, node;
	uint32_t index;
};

struct tree_lists {
	struct onnx *onnx;
	const struct onnx_node *node;
	size_t n; // nodes
	const int64_t *tree, *number, *feature, *yes, *no, *missing;
	const Onnx__AttributeProto *modes;
	const double *threshold;
	size_t n_weights;
	const int64_t *weight_tree, *weight_node, *weight_target;
	const double *weight;
	struct place *nodes;   // [n] by tree and number
	struct place *weights; // [n_weights] likewise
	size_t n_base;
	const double *base; // [n_base]; NULL: none
	uint32_t n_targets; // to be set by who emits
	// The tree being read: nodes[first, first + count).
	size_t first, count;
};

// The lists of nodes, weights (their names begin with `prefix`: "target_" or "class_") and base
// values. -EINVAL, -ENOMEM.
int tree_lists_read(struct tree_lists *lists, const char *prefix);
// Scores [1, n_targets]; GRAPH_NONE: refused.
uint32_t tree_lists_emit(struct tree_lists *lists, const char *aggregate, const double *base);
