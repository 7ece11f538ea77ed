// SPDX-License-Identifier: BSD-3-Clause
// Constants computed once.
#pragma once

#include "infer/graph/graph.h"

#define FOLD_WORK_ALL ((uint64_t)1 << 33) // of all nodes of a graph

// Computes a node whose inputs are all constant by its plain form: its outputs become constants of
// the graph. 1: done; 0: it has inputs that are not constant, or takes too much work, by itself
// or with those before it. -ENOMEM.
int op_fold(struct graph *graph, const struct node *node, struct error *err);
