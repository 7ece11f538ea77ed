// SPDX-License-Identifier: BSD-3-Clause
// The values of all tensors of a graph over some rows, computed node by node.
#pragma once

#include "infer/graph/graph.h"

struct graph_values {
	const struct graph *graph; // has passed graph_check(), and outlives this
	uint32_t n_max;            // rows at a time
	void **of; // [n_tensors] [n_max][tensor_bytes]; of constants and what nobody makes NULL
};

// Memory for up to `rows` rows, of a big graph fewer: n_max says how many. -ENOMEM.
int graph_values_init(
	struct graph_values *values, const struct graph *graph, uint32_t rows, struct error *err);
void graph_values_fini(struct graph_values *values); // a zeroed one is fine
// rows [n][n_features], n up to n_max. -ENOMEM.
int graph_values_run(struct graph_values *values, const float *rows, uint32_t n, struct error *err);
