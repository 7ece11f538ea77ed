// SPDX-License-Identifier: BSD-3-Clause
// Products of quantised tensors, as pass_fuse_quantised() finds them: a part of that pass.
#pragma once

#include "infer/compile/passes/uses.h"

struct quantum { // how one tensor is quantised: x = (q - zero) * scale
	enum dtype dtype;
	float scale;
	int32_t zero;
};

struct quantised_weights {
	struct tensor q; // of 8 bits, [K, N], or [N, K] where transposed
	bool transposed;
	const float *scales; // [1] or [N]
	const void *zeros;   // like scales, of q's dtype; NULL: 0
	int64_t n_scales, n_zeros;
};

struct quantised_product {
	struct node *node;  // MatMul, Gemm, Conv, QLinearMatMul, QLinearConv
	struct node *last;  // whose output it writes
	struct node *shape; // NULL, or the Reshape between DequantizeLinear and it
	uint32_t x;         // the quantised input
	struct quantum in, out;
	bool is_requantised; // out counts
	struct quantised_weights w;
	int64_t k, n; // of Conv: C / group * kernel, M
	bool is_conv;
	double alpha, beta;
	const float *c, *added; // [1] or [N]; NULL: none
	const int32_t *bias;    // QLinearConv's [N]; NULL: none
	int64_t n_c, n_added;
	int32_t low, high;
};

struct finder {
	const struct graph *graph;
	struct uses uses;
	uint32_t *reader; // [n_tensors] the last node that reads it, or GRAPH_NONE
};
int finder_init(struct finder *f, const struct graph *graph, struct error *err);
void finder_fini(struct finder *f);
const struct tensor *finder_input(const struct finder *f, const struct node *node, uint32_t i);
// The node that makes a tensor, computed or constant; NULL: none.
struct node *finder_maker(const struct finder *f, uint32_t tensor);
// The sole reader of a node's output; NULL where others read it, or the model gives it out.
struct node *finder_sole_reader(const struct finder *f, const struct node *node);

// How a QuantizeLinear or DequantizeLinear rounds, where it does by one constant scale; else false.
bool quantised_quantum(const struct finder *f, const struct node *node, struct quantum *q);
// The product p->node with all that can be fused into it; false where it is none, or of another
// form.
bool quantised_find(const struct finder *f, struct quantised_product *p);
// A QuantizeLinear that takes back what the DequantizeLinear before it did: the tensor it gives
// again, or GRAPH_NONE.
uint32_t quantised_again(const struct finder *f, const struct node *node);
// A MaxPool of what a DequantizeLinear makes, whose only reader quantises it alike: that reader, or
// NULL. *bytes is what the DequantizeLinear reads. The largest byte is the largest float's.
struct node *quantised_pool(const struct finder *f, const struct node *node, uint32_t *bytes);
// Zero point, or any other value, i of int8 or uint8; NULL: 0.
int32_t quantised_value(enum dtype dtype, const void *values, int64_t i);
