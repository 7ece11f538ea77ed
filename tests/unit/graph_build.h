// SPDX-License-Identifier: BSD-3-Clause
// Small graphs for the tests of infer/: built by hand, with everything an image wants.
#pragma once

#include "infer/graph/graph.h"

// [1, sizes[0]] -> Dense -> ... -> [1, sizes[n - 1]], Relu between, Softmax at the end where
// wanted. Weights are drawn from `seed`. NULL never: asserts.
struct graph *graph_mlp(uint32_t n_sizes, const uint32_t *sizes, bool softmax, unsigned seed);

// Tensor helpers that assert: float32 ones, computed or filled by `seed`.
uint32_t graph_f32(struct graph *graph, const char *name, uint32_t rank, const int64_t *dims);
uint32_t graph_f32_constant(
	struct graph *graph, const char *name, uint32_t rank, const int64_t *dims, unsigned seed);
// One input, one output and names for what is in `graph`.
void graph_finish(struct graph *graph, uint32_t input, uint32_t output);
// A node with its output tensor, shape by op_infer. Returns the tensor.
uint32_t graph_op(struct graph *graph, enum op op, uint32_t n_inputs, const uint32_t *inputs);
float graph_random(unsigned *seed); // -0.5 to 0.5
