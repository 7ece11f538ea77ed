// SPDX-License-Identifier: BSD-3-Clause
// The proof that a graph is what graph.h promises.
#pragma once

#include "infer/graph/graph.h"

// Proves what is said at the top of graph.h: indices, order, single producers, arity, attributes,
// shapes and dtypes of every node (by op_infer), limits; and that all ports are float32 and
// adjacent columns of the row, in their order. What an image holds beside the operators is checked
// by image_write() and image_open(). -EINVAL with node and reason, -ENOMEM.
int graph_check(const struct graph *graph, struct error *err);

// Does a node round floats to few bits (int8, bfloat16)? Then the last bit of a float may decide
// which step of the result it becomes.
bool graph_rounds(const struct graph *graph);
