// SPDX-License-Identifier: BSD-3-Clause
// Missing values (NaN) that are filled by what their column has in the mean or in the middle: in rows that are learnt
// from, and by operators in front of a graph, so that rows in service are filled alike, wherever they come from.
//
// Owner: the caller, one thread.
#pragma once

#include "infer/graph/graph.h"
#include "infer/learn/data/dataset_part.h"

extern const char *const FILL_NAMES[]; // "refuse", "mean", "median"

// Where rows had no value.
struct fill_places {
	uint64_t *at; // [n] of the set's values, ascending
	size_t n, capacity;
	uint32_t n_features; // that had such a place
};

// *values, [n_features], malloc'ed: the mean or the median of those of the part's rows that have one. Of a feature that is
// text it is the number of no text. -EINVAL: all rows lack a feature; -ENOMEM.
int fill_learn(const struct dataset_part *part, enum fill how, float **values, struct error *err);

// Puts values[n_features] where a row of the set has none. `places`: zeroed, it then says where, for fill_undo() and
// fill_places_fini(); NULL: nobody wants to know. -EDOM: a value is infinite; -ENOMEM. Then the set is as it was.
int fill_rows(
	struct dataset *set, const float *values, struct fill_places *places, struct error *err);
void fill_undo(struct dataset *set, const struct fill_places *places);
void fill_places_fini(struct fill_places *places); // a zeroed one is fine

// Makes a graph of one input [1, n_features] take missing values, as if they were `values`. -EINVAL, -ENOMEM.
int fill_graph(struct graph *graph, const float *values, struct error *err);
// What fill_graph() was given, [n_features] and the graph's; NULL: the graph fills nothing in this way.
const float *fill_of_graph(const struct graph *graph);
// Nodes that fill_graph() put in front of the others, which go on from *tensor.
uint32_t fill_front(const struct graph *graph, uint32_t *tensor);
