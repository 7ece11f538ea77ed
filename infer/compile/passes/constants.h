// SPDX-License-Identifier: BSD-3-Clause
// Constants that passes read and make. GRAPH_NONE: out of memory or too large, sentence made.
#pragma once

#include "infer/graph/graph.h"

// A constant of one or two dimensions with memory to fill, zeroed, of the graph's.
uint32_t pass_constant_of(struct graph *graph, const char *stem, enum dtype dtype, uint32_t rank,
	int64_t d0, int64_t d1, void **data, struct error *err);
// The same of F32.
uint32_t pass_constant(struct graph *graph, const char *stem, uint32_t rank, int64_t d0, int64_t d1,
	float **data, struct error *err);
// Of F32, with values? False for GRAPH_NONE, too.
bool tensor_is_constant(const struct graph *graph, uint32_t tensor);
// Is it a constant of one value, of any number dtype?
bool tensor_is_value(const struct graph *graph, uint32_t tensor, double *value);
const float *tensor_floats(const struct graph *graph, uint32_t tensor);
