// SPDX-License-Identifier: BSD-3-Clause
// Nodes computed by their plain forms: constants once, whole graphs for proofs.
#pragma once

#include "infer/graph/graph.h"

#define FOLD_WORK_ALL ((uint64_t)1 << 33) // of all nodes of a graph

// Computes a node whose inputs are all constant by its plain form: its outputs become constants of
// the graph. 1: done; 0: it has inputs that are not constant, or takes too much work, by itself
// or with those before it. -ENOMEM.
int op_fold(struct graph *graph, const struct node *node, struct error *err);

// One evaluation of a sound graph, every tensor's values kept. `row` has the graph's n_features
// values. values [n_tensors] point into the graph's constants, the row, and `arena`. Takes off *work
// the operations that it cost. -EFBIG: *work does not suffice; -ENOMEM: the memory does not. No
// sentence is made.
struct arena;
int graph_evaluate(const struct graph *graph, const float *row, uint64_t *work, struct arena *arena,
	const void **values);
