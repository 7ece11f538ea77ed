// SPDX-License-Identifier: BSD-3-Clause
// What a graph that was learnt takes over from the rows that it was learnt from.
#pragma once

#include "infer/graph/graph.h"
#include "infer/learn/dataset.h"

// The names and categories of the features and, of a set with classes, their labels, copied into the graph, which
// has as many features as the set. -ENOMEM.
int describe_graph(struct graph *graph, const struct dataset *set, struct error *err);
