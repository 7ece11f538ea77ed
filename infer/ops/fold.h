// SPDX-License-Identifier: BSD-3-Clause
// Constants computed once.
#pragma once

#include "infer/graph/graph.h"

// Computes a node whose inputs are all constant by its plain form: its outputs become constants of
// the graph. 1: done; 0: it has inputs that are not constant, or takes too much work. -ENOMEM.
int op_fold(struct graph *graph, const struct node *node, struct error *err);
