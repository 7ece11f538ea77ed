// SPDX-License-Identifier: BSD-3-Clause
// The lists of TreeEnsembleRegressor and TreeEnsembleClassifier of ai.onnx.ml 1 to 4: nodes, weights
// and base values, each an attribute of its own, and the forest that they are.
#pragma once

#include "infer/import/onnx/ml/tree_tests.h"
#include "infer/import/onnx/onnx.h"

struct listed { // a node or a weight: its tree and node, and its index in the lists
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
	struct listed *nodes;   // [n] by tree and number
	struct listed *weights; // [n_weights] likewise
	size_t n_base;
	const double *base; // [n_base]; NULL: none
	// To be set by who emits.
	uint32_t n_targets;
	bool counted; // target n_targets + k becomes the number of weights met for target k
	struct tree_thresholds thresholds;
	// The tree being read: nodes[first, first + count).
	size_t first, count;
};

// Whether the rows meet a weight for a target.
enum tree_presence { TREE_NONE, TREE_SOME, TREE_ALL };

// Reads the lists of nodes, weights (their names begin with `prefix`: "target_" or "class_") and base
// values. 0 or a negative errno with the sentence made.
int tree_lists_read(struct tree_lists *lists, const char *prefix);
// Scores [1, n_targets], or twice as many where `counted`, aggregated ("SUM", "AVERAGE", "MIN", "MAX"), on base values [n_targets] or
// NULL for none. GRAPH_NONE: refused, the sentence is made.
uint32_t tree_lists_emit(struct tree_lists *lists, const char *aggregate, const double *base);
// Of the trees that were read: TREE_NONE where no leaf has a weight for the target, TREE_ALL where
// each leaf of some tree has.
enum tree_presence tree_lists_presence(const struct tree_lists *lists, int64_t target);
