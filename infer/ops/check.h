// SPDX-License-Identifier: BSD-3-Clause
// The proof that a graph is what graph.h promises.
#pragma once

#include "infer/graph/graph.h"

// Proves what is said at the top of graph.h: indices, order, single producers, arity, attributes, shapes and
// dtypes of every node (by op_infer), limits; that all ports are float32 and stand side by side in
// their order. What the image carries beside the operators is image_write's to check. -EINVAL with
// node and reason, -ENOMEM.
int graph_check(const struct graph *graph, struct error *err);

// Are floats rounded to few bits within, so that the last bit of one may decide a score?
bool graph_rounds(const struct graph *graph);
