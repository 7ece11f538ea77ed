// SPDX-License-Identifier: BSD-3-Clause
// Categories as columns of 0 and 1, for what multiplies features: the number of a category says nothing of how
// much. Rows are widened before they are learnt from, and the graph that was learnt is given the operators that do
// the same, so that the model takes rows as they were.
#pragma once

#include "infer/graph/graph.h"
#include "infer/learn/data/dataset.h"

// Wide rows: the features that are numbers, in their order, then a column for each category of each other feature.
// A text that is none of the categories is 0 in all of its feature's.
struct one_hot {
	const struct dataset *of; // must stay as long as this
	struct dataset set; // its own: values, features and their names; all else is that of `of`
	struct one_hot_memory *memory; // one_hot.c's
};

// Of a set without categories nothing is copied. `memory_mib` as in dataset_options. -ENOMEM, -EFBIG, or what a
// temporary file says; one_hot_fini() either way, of a zeroed one too.
int one_hot_make(
	struct one_hot *wide, const struct dataset *of, uint32_t memory_mib, struct error *err);
void one_hot_fini(struct one_hot *wide);

// Makes a graph that takes such wide rows one that takes those of `of`, features' names and texts included.
// -EINVAL, -ENOMEM.
int one_hot_graph(struct graph *graph, const struct dataset *of, struct error *err);
