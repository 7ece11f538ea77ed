// SPDX-License-Identifier: BSD-3-Clause
// Functions of one value that several nodes make up: x * HardSigmoid(x), Tanh(x), 2 * Sigmoid(x) - 1. Of a tensor in
// 8 bits each is a table of 256 bytes.
#pragma once

#include "infer/compile/passes/quantised.h"

#define POINTWISE_NODES_MAX 16
#define POINTWISE_TABLE     256

struct pointwise {
	uint32_t source, sink; // tensors of float32 and one shape: sink = f(source), value by value
	uint32_t n_nodes;
	uint32_t nodes[POINTWISE_NODES_MAX]; // descending: the first makes the sink
};

// The largest function that makes the tensor `sink`, whose source is not made value by value itself; constants in it
// have one value throughout, and nobody outside of it reads what it computes on the way. False: there is none.
bool pointwise_find(const struct graph *graph, const struct uses *uses, uint32_t sink,
	struct pointwise *pointwise);
// y = f(x), both [count], by the nodes' plain forms. -ENOMEM.
int pointwise_values(const struct graph *graph, const struct pointwise *pointwise, uint32_t count,
	const float *x, float *y, struct error *err);

// The bits of the byte that x becomes, as QuantizeLinear's kernels have it: NaN is 0.
uint8_t pointwise_byte(const struct quantum *quantum, float x);
// Fills table [POINTWISE_TABLE], whose index is a byte's bits: the bytes of `out` that the function makes of those of
// `in`, as DequantizeLinear, the nodes' plain forms and QuantizeLinear would. -ENOMEM.
int pointwise_table(const struct graph *graph, const struct pointwise *pointwise,
	const struct quantum *in, const struct quantum *out, uint8_t *table, struct error *err);
