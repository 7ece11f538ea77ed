// SPDX-License-Identifier: BSD-3-Clause
#include "infer/export/onnx/trees.h"

#include "infer/graph/arena.h"
#include "infer/graph/trees.h"

#include <stdlib.h>

// The attributes of the node, by its nodes and its leaves' weights.
struct lists {
	int64_t *tree, *id, *feature, *yes, *no, *missing;
	float *value;
	const char **mode;
	size_t n;
	int64_t *target_tree, *target_node, *target;
	float *weight;
	size_t n_weights;
};

static bool lists_make(struct lists *lists, struct arena *arena, size_t nodes, size_t weights)
{
	lists->tree = arena_calloc(arena, nodes, sizeof(*lists->tree));
	lists->id = arena_calloc(arena, nodes, sizeof(*lists->id));
	lists->feature = arena_calloc(arena, nodes, sizeof(*lists->feature));
	lists->yes = arena_calloc(arena, nodes, sizeof(*lists->yes));
	lists->no = arena_calloc(arena, nodes, sizeof(*lists->no));
	lists->missing = arena_calloc(arena, nodes, sizeof(*lists->missing));
	lists->value = arena_calloc(arena, nodes, sizeof(*lists->value));
	lists->mode = arena_calloc(arena, nodes, sizeof(*lists->mode));
	lists->target_tree = arena_calloc(arena, weights + 1, sizeof(*lists->target_tree));
	lists->target_node = arena_calloc(arena, weights + 1, sizeof(*lists->target_node));
	lists->target = arena_calloc(arena, weights + 1, sizeof(*lists->target));
	lists->weight = arena_calloc(arena, weights + 1, sizeof(*lists->weight));
	return lists->tree && lists->id && lists->feature && lists->yes && lists->no &&
		lists->missing && lists->value && lists->mode && lists->target_tree &&
		lists->target_node && lists->target && lists->weight;
}

static void lists_add_leaf(struct lists *lists, const struct trees *trees, size_t at, uint32_t leaf)
{
	lists->mode[at] = "LEAF";
	for (int32_t w = trees->weight_first[leaf]; w < trees->weight_first[leaf + 1]; w++) {
		lists->target_tree[lists->n_weights] = lists->tree[at];
		lists->target_node[lists->n_weights] = lists->id[at];
		lists->target[lists->n_weights] = trees->weight_target[w];
		lists->weight[lists->n_weights++] = trees->weight[w];
	}
}

// A node's children get the next two ids; `pending` holds what stands for each id of the tree.
static void lists_add_branch(struct lists *lists, const struct trees *trees, size_t at,
	uint32_t branch, int32_t *pending, size_t *n)
{
	lists->mode[at] =
		(trees->kind[branch] & TREE_TEST_BITS) == TREE_EQUAL ? "BRANCH_EQ" : "BRANCH_LT";
	lists->feature[at] = trees->feature[branch];
	lists->value[at] = trees->threshold[branch];
	lists->missing[at] = (trees->kind[branch] & TREE_MISSING_TRUE) != 0;
	lists->yes[at] = (int64_t)*n;
	pending[(*n)++] = trees->children[branch][1];
	lists->no[at] = (int64_t)*n;
	pending[(*n)++] = trees->children[branch][0];
}

static void lists_add_tree(
	struct lists *lists, const struct trees *trees, uint32_t tree, int32_t *pending)
{
	size_t n = 1;

	pending[0] = trees->root[tree];
	for (size_t id = 0; id < n; id++) {
		const size_t at = lists->n++;

		lists->tree[at] = tree;
		lists->id[at] = (int64_t)id;
		if (pending[id] < 0)
			lists_add_leaf(lists, trees, at, (uint32_t)~pending[id]);
		else
			lists_add_branch(lists, trees, at, (uint32_t)pending[id], pending, &n);
	}
}

static int trees_refuse(const struct trees *trees, struct error *err)
{
	if (trees->linear_first)
		return error_set(err, -ENOTSUP, "linear leaves have no operator of ONNX");
	for (uint32_t b = 0; b < trees->n_branches; b++) {
		const unsigned test = trees->kind[b] & TREE_TEST_BITS;

		if (test != TREE_LESS && test != TREE_EQUAL)
			return error_set(err, -ENOTSUP,
				"tests of categories, and of zeros that count as missing, have no "
				"operator of ONNX before opset 5 of ai.onnx.ml");
	}
	return 0;
}

static void trees_emit(struct message *message, const struct node *node, const struct trees *trees,
	const struct lists *lists)
{
	static const char *const AGGREGATE[] = {
		[TREES_SUM] = "SUM", [TREES_MIN] = "MIN", [TREES_MAX_OF] = "MAX"
	};
	const char *x = message_tensor(message, node->inputs[TREES_X]);

	message_node(
		message, "TreeEnsembleRegressor", 1, &x, message_tensor(message, node->outputs[0]));
	message_is_ml(message);
	message_int(message, "n_targets", trees->n_targets);
	message_text(message, "aggregate_function", AGGREGATE[trees->aggregate]);
	message_text(message, "post_transform", "NONE");
	message_floats(message, "base_values", trees->n_targets, trees->base);
	message_ints(message, "nodes_treeids", lists->n, lists->tree);
	message_ints(message, "nodes_nodeids", lists->n, lists->id);
	message_ints(message, "nodes_featureids", lists->n, lists->feature);
	message_floats(message, "nodes_values", lists->n, lists->value);
	message_texts(message, "nodes_modes", lists->n, lists->mode);
	message_ints(message, "nodes_truenodeids", lists->n, lists->yes);
	message_ints(message, "nodes_falsenodeids", lists->n, lists->no);
	message_ints(message, "nodes_missing_value_tracks_true", lists->n, lists->missing);
	message_ints(message, "target_treeids", lists->n_weights, lists->target_tree);
	message_ints(message, "target_nodeids", lists->n_weights, lists->target_node);
	message_ints(message, "target_ids", lists->n_weights, lists->target);
	message_floats(message, "target_weights", lists->n_weights, lists->weight);
}

int onnx_write_trees(struct message *message, const struct node *node, struct error *err)
{
	struct lists lists = { 0 };
	struct trees trees;
	size_t nodes;
	int32_t *pending;
	int rc;

	trees_of_node(message->graph, node, &trees);
	rc = trees_refuse(&trees, err);
	if (rc != 0)
		return rc;
	nodes = (size_t)trees.n_branches + trees.n_leaves;
	pending = malloc((nodes + 1) * sizeof(*pending));
	if (!pending || !lists_make(&lists, message->arena, nodes, trees.n_weights)) {
		free(pending);
		return error_set(err, -ENOMEM, "out of memory for %zu nodes of trees", nodes);
	}
	for (uint32_t t = 0; t < trees.n_trees; t++)
		lists_add_tree(&lists, &trees, t, pending);
	free(pending);
	trees_emit(message, node, &trees, &lists);
	return 0;
}
