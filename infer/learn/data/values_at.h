// SPDX-License-Identifier: BSD-3-Clause
// What a tensor within a graph is for each of some rows.
#pragma once

#include "infer/graph/graph.h"

// *values [n][elements], to be freed: of an input what the rows have, of what is computed by the kernels. The graph, which has its names, was checked; rows
// [n][n_features]. -EINVAL, -ENOTSUP, -ENOMEM.
int values_at(const struct graph *graph, uint32_t tensor, const float *rows, size_t n,
	float **values, struct error *err);
