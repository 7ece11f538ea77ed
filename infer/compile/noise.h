// SPDX-License-Identifier: BSD-3-Clause
// How far rounding alone may move the scores of a graph: measured, row by row.
//
// The graph is evaluated node by node, several times for each row. To each result of a node a random
// error is added, in proportion to what is added up there: of a sum, the sum of the magnitudes of
// its terms, so that a sum which cancels is known to be inexact. What comes out of the graph in
// the end is spread out as rounding, in whatever order kernels add, may spread it; discrete steps
// (a comparison, the branch of a tree, the largest of several) that turn out otherwise in one of
// the evaluations hang by less than rounding. D. S. Parker, "Monte Carlo Arithmetic", 1997.
#pragma once

#include "infer/graph/graph.h"

// rows f32 [n][n_features]; outputs f32 [n][n_columns_out], the graph's scores of them, finite.
// Fills tolerance [n][n_columns_out], by how much a right score may be apart from `outputs`, and
// hangs [n]: does a discrete step of that row hang by less than rounding, and matter for a score?
// The tolerance of such scores is INFINITY.
// `macs` of a row limit how often it is evaluated. -ENOMEM.
int noise_measure(const struct graph *graph, const float *rows, uint32_t n, const float *outputs,
	uint64_t macs, float *tolerance, bool *hangs, struct error *err);
