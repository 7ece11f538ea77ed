// SPDX-License-Identifier: BSD-3-Clause
// Smaller ensembles of trees: whole trees or subtrees are taken away where that moves the scores least on rows, and
// the leaves that stay are fitted anew to what the whole ensemble said.
#pragma once

#include "infer/graph/graph.h"

enum prune_trees_what {
	PRUNE_TREES_WHOLE,    // trees
	PRUNE_TREES_SUBTREES, // branches with all below them, and trees of which nothing is left
};

struct prune_trees_options {
	enum prune_trees_what what;
	double share;    // of the trees, or of the leaves, that go: 0 to below 1
	uint32_t passes; // over all trees at most when leaves are fitted; 0: they are not
	double ridge;    // rows by which a leaf's old weight counts when it is fitted
};

#define PRUNE_TREES_DEFAULTS                                                                       \
	{                                                                                          \
		.what = PRUNE_TREES_WHOLE, .share = 0.5, .passes = 20, .ridge = 1                  \
	}

struct prune_trees_result {
	uint32_t trees[2], leaves[2]; // before and after
	double moved; // root mean square of what the sums of the trees moved by, to that of their own deviation
};

// Changes the graph's ensembles in place, each by the share; rows [n][n_features], 1 or more, are what "least" is
// measured on. The graph has to be checked again. -ENOTSUP: there are no trees, or such as have linear leaves or are
// not summed; -EINVAL, -ENOMEM. After an error the graph is of no use.
int prune_trees(struct graph *graph, const float *rows, size_t n,
	const struct prune_trees_options *options, struct prune_trees_result *result,
	struct error *err);
