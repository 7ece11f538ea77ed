// SPDX-License-Identifier: BSD-3-Clause
// What a chain reads where an input has no float for each value of its result. The contract is
// kernels.h's.
#pragma once

#include "infer/graph/graph.h"

// Values of an input that are not one for each value of the result, in its order: they are fewer and
// are broadcast as ONNX (numpy) does, they are a slice, or they are truths of a byte.
struct chain_spread {
	uint32_t input;
	bool bytes;                      // uint8, else float
	uint32_t rank;                   // >= 1
	uint32_t dims[GRAPH_RANK_MAX];   // of the result of one row of the model
	int64_t strides[GRAPH_RANK_MAX]; // of the input, in values; 0 where it does not move
	int64_t first;                   // value of the input in a row
	uint32_t row_values, row_step;   // of the result, and of the input, in a row
};

// Values [first, first + count) of the result's order, to y.
void chain_spread(
	const struct chain_spread *spread, const void *x, size_t first, uint32_t count, float *y);
