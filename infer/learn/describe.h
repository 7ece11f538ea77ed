// SPDX-License-Identifier: BSD-3-Clause
// What a graph that was learnt takes over from the rows that it was learnt from, or from the model that taught it.
#pragma once

#include "infer/graph/graph.h"
#include "infer/learn/data/dataset.h"

// The names and categories of the features and, of a set with classes, their labels, copied into the graph, which
// has as many features as the set. -ENOMEM.
int describe_graph(struct graph *graph, const struct dataset *set, struct error *err);

// The same of a model's features and classes, and the names of its outputs, of which the graph has as many.
int describe_like(struct graph *graph, const struct model_info *info, struct error *err);

// The names and categories of the features alone.
int describe_features(struct graph *graph, const struct dataset *set, struct error *err);
