// SPDX-License-Identifier: BSD-3-Clause
// Building a graph where the file has no names for its steps: XGBoost and LightGBM.
#pragma once

#include "infer/graph/graph.h"

// A node of one output, named after its number. GRAPH_NONE: refused, sentence made; also where an
// input is GRAPH_NONE, so that calls may be nested.
uint32_t build_node(struct graph *graph, enum op op, uint32_t n_inputs, const uint32_t *inputs,
	struct error *err);
uint32_t build_pair(struct graph *graph, enum op op, uint32_t a, uint32_t b, struct error *err);
uint32_t build_cast(struct graph *graph, uint32_t input, enum dtype to, struct error *err);
// Tensors side by side along their last axis.
uint32_t build_joined(
	struct graph *graph, uint32_t n_inputs, const uint32_t *inputs, struct error *err);
// Columns of a row [1, n], index[n_columns] of them in that order, [1, n_columns].
uint32_t build_columns(struct graph *graph, uint32_t input, uint32_t n_columns,
	const uint32_t *index, struct error *err);
// The same values in another shape.
uint32_t build_reshaped(
	struct graph *graph, uint32_t input, uint32_t rank, const int64_t *dims, struct error *err);
// The last axis' index of the largest value, as float32 [1, 1].
uint32_t build_arg_max(struct graph *graph, uint32_t input, struct error *err);
// The values of a row [1, n] in ascending order; each plus all before it.
uint32_t build_sorted(struct graph *graph, uint32_t input, struct error *err);
uint32_t build_running_sum(struct graph *graph, uint32_t input, struct error *err);
// A constant with memory to fill.
uint32_t build_constant(
	struct graph *graph, uint32_t rank, const int64_t *dims, float **data, struct error *err);
uint32_t build_scalar(struct graph *graph, float value, struct error *err);

// The model's one input, float32 [1, n], and its one output. names: [n], or NULL; they must live as
// long as the graph.
uint32_t build_input(struct graph *graph, uint32_t n, const char **names, struct error *err);
int build_output(struct graph *graph, uint32_t tensor, struct error *err);
// Moves the nodes from `first` on, which were added last, in front of the others, which read what they make. -ENOMEM.
int build_to_front(struct graph *graph, uint32_t first, struct error *err);
