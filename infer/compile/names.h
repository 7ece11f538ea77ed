// SPDX-License-Identifier: BSD-3-Clause
// Names of the model, its columns and its classes: those the operator gives, before those of the
// source. Fields of the graph are set; memory is the graph's. 0, -EINVAL, -ENOMEM.
#pragma once

#include "base/error.h"
#include "infer/graph/graph.h"

// given: NULL: the stem of `path`, with what no model's name may hold replaced.
int names_of_model(struct graph *graph, const char *given, const char *path, struct error *err);
// How many features are said, where the list of their names is one whole number; 0: it is none.
uint32_t names_count(const char *list);
// list: "a,b,c", how many there are, or NULL: the source's, if there are any.
int names_of_features(struct graph *graph, const char *list, struct error *err);
// Features that still have no names get those of a file's header [n_features] or, where that is
// NULL, x0, x1, ...
int names_fill_features(struct graph *graph, const char *const *header, struct error *err);
// list: "a,b,c", or NULL: the source's. Where an output has a column for each class, its columns
// are named after them.
int names_of_classes(struct graph *graph, const char *list, struct error *err);
