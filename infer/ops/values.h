// SPDX-License-Identifier: BSD-3-Clause
// Values of any dtype, and walks over tensors.
#pragma once

#include "infer/graph/graph.h"

// Value i of x: integers and BOOL, sign-extended to 64 bits (cast to int64_t where signed).
uint64_t value_integer(enum dtype dtype, const void *x, size_t i);
// Any dtype; 64-bit integers beyond 2^53 are rounded.
double value_number(enum dtype dtype, const void *x, size_t i);
// Integers wrap, as C's conversions do.
void value_set_integer(enum dtype dtype, void *y, size_t i, uint64_t value);
// Floats to integers saturate and NaN becomes 0: ONNX leaves both open.
void value_set_number(enum dtype dtype, void *y, size_t i, double value);

// A walk over all positions of a shape in row-major order, with the offset of each in up to
// WALK_OPERANDS tensors, each with strides of its own.
#define WALK_OPERANDS 4
struct walk {
	uint32_t rank;
	int64_t dims[GRAPH_RANK_MAX], index[GRAPH_RANK_MAX];
	int64_t stride[WALK_OPERANDS][GRAPH_RANK_MAX];
	int64_t at[WALK_OPERANDS]; // offsets of the position, in values
	size_t left;               // positions still to come, this one included
};
void walk_init(struct walk *walk, const struct tensor *shape);
// Operand k broadcasts to the shape (numpy's rules, which must have been checked).
void walk_broadcast(struct walk *walk, uint32_t k, const struct tensor *operand);
void walk_next(struct walk *walk);
// Strides of a contiguous tensor, in values.
void tensor_strides(const struct tensor *tensor, int64_t strides[GRAPH_RANK_MAX]);
