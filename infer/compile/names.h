// SPDX-License-Identifier: BSD-3-Clause
// Names of the model, its columns and its classes: those the operator gives, before those of the
// source. Fields of the graph are set; memory is the graph's. 0, -EINVAL, -ENOMEM.
#pragma once

#include "base/rows.h"
#include "infer/graph/graph.h"

// given: NULL: the stem of `path`, with what no model's name may hold replaced.
int names_of_model(struct graph *graph, const char *given, const char *path, struct error *err);
// list: "a,b,c", or NULL: the rows' names, else the source's, else x0, x1, ...
int names_of_features(
	struct graph *graph, const char *list, const struct rows *rows, struct error *err);
// list: "a,b,c", or NULL: the source's. Where an output has a column for each class, its columns
// are named after them.
int names_of_classes(struct graph *graph, const char *list, struct error *err);
