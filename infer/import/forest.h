// SPDX-License-Identifier: BSD-3-Clause
// Gathers the trees of a foreign file into the arrays of infer/graph/trees.h. A file's nodes may come in
// any order and lead anywhere: the walk from each root renumbers what it meets and refuses cycles,
// shared nodes and children that are not there.
#pragma once

#include "infer/graph/trees.h"

// A node as the file has it, by its number there.
struct forest_node {
	bool is_leaf;
	// A leaf says its weights by forest_weight(), and its linear terms by forest_term().
	float linear_constant;
	// A branch: see infer/graph/trees.h.
	int64_t feature;
	float threshold;
	uint8_t kind;
	int64_t yes, no;
	uint32_t n_set; // words of the set of TREE_IN_SET
	const uint32_t *set;
};

struct forest;                                                         // opaque; one thread
struct forest *forest_create(uint32_t n_features, uint32_t n_targets); // NULL: out of memory
void forest_destroy(struct forest *forest);                            // NULL is fine

// What forest_add() calls for each node: fills `node`. A negative errno with the sentence made.
typedef int forest_reader(void *context, uint32_t number, struct forest_node *node,
	struct forest *forest, struct error *err);
// Adds the tree whose root is node `root` of `n_nodes`. -EINVAL (the sentence names the node),
// -ENOMEM.
int forest_add(struct forest *forest, uint32_t n_nodes, uint32_t root, forest_reader *reader,
	void *context, struct error *err);
// For a reader: a weight, or a linear term, of the leaf that it is called for. 0 or -ENOMEM; a term
// of a feature that is not there: -EINVAL.
int forest_weight(struct forest *forest, uint32_t target, float weight, struct error *err);
int forest_term(struct forest *forest, int64_t feature, float coefficient, struct error *err);

// The arrays so far, for forest_emit(); they are the forest's. base: [targets]. -ENOMEM.
int forest_trees(struct forest *forest, const float *base, enum tree_aggregate how,
	struct trees *trees, struct error *err);
uint32_t forest_depth(const struct forest *forest); // branches on the longest way

// x <= threshold, of 64 bits, as x < a float32, for a float32 x: exactly, or (`nearest`) with the
// threshold rounded as x was. Fills node->threshold, whose kind, yes and no are set; a test that
// always holds is turned round to one that never does.
void forest_less_or_equal(struct forest_node *node, double threshold, bool nearest);
// x < threshold likewise.
void forest_less(struct forest_node *node, double threshold, bool nearest);

// Adds the node for `trees`, whose arrays are copied into the graph, reading tensor x. The node's output tensor, f32 [rows, targets], in *output. Checks everything.
// -EINVAL, -ENOMEM.
int forest_emit(struct graph *graph, const char *name, const struct trees *trees, uint32_t x,
	uint32_t *output, struct error *err);
