// SPDX-License-Identifier: BSD-3-Clause
// The general path: one plain implementation of each operator, for what no fast kernel takes and
// for what is constant. It runs row by row, on every dtype the operator has, as ONNX's Operators.md
// says; where that leaves a result open (integer division by zero, indices out of range) it does
// something defined, for an image that loads can be scored on any bits.
//
// To add an operator: its function in one of the files here, its line in the table of general.c.
#pragma once

#include "infer/graph/graph.h"

#define GENERAL_IN_MAX  16
#define GENERAL_OUT_MAX 64

// A node as its function sees it.
struct general {
	const struct node *node; // its attributes; inputs and outputs are not looked at
	const struct tensor *in,
		*out; // [n_in], [n_out]: dtypes and shapes; `data` of constants only
	uint32_t n_in, n_out;
};

// One row. x[i], NULL: left out; y[o], NULL: nobody wants it; neither overlaps the other. `scratch`
// has the scratch_bytes asked for.
typedef void general_function(
	const struct general *general, const void *const *x, void *const *y, void *scratch);

struct general_op {
	general_function *run;
	size_t (*scratch_bytes)(const struct general *general); // NULL: none. 8-byte aligned
	// Multiply-adds, or what takes as long; NULL: no more than the values it reads and writes.
	uint64_t (*work)(const struct general *general);
};
const struct general_op *general_op(enum op op); // NULL: there is none

// Computes a node whose inputs are all constant, at most `work` of it: its outputs become constants
// of the graph. 1: done; 0: has inputs that are not constant, or no general form, or too much work.
// -ENOMEM.
int general_fold(struct graph *graph, const struct node *node, struct error *err);

// elementwise.c
general_function general_unary, general_binary, general_compare, general_where, general_cast;
// product.c
general_function general_matmul;
uint64_t general_matmul_work(const struct general *general);
// reduce.c
general_function general_arg, general_reduce, general_cum_sum, general_top_k;
uint64_t general_top_k_work(const struct general *general);
// gather.c
general_function general_gather, general_gather_elements, general_gather_nd,
	general_scatter_elements, general_scatter_nd, general_one_hot;
// move.c
general_function general_transpose, general_slice, general_pad, general_tile;
// conv.c, pool.c, recurrent.c
general_function general_conv, general_conv_transpose, general_pool, general_recurrent;
uint64_t general_conv_work(const struct general *general);
uint64_t general_pool_work(const struct general *general);
uint64_t general_recurrent_work(const struct general *general);
size_t general_recurrent_scratch(const struct general *general);
// quantise.c
general_function general_quantize_linear, general_dequantize_linear,
	general_dynamic_quantize_linear, general_quantised_matmul, general_quantised_conv;
uint64_t general_quantised_conv_work(const struct general *general);
uint64_t general_quantised_matmul_work(const struct general *general);
// svm.c
general_function general_svm;
uint64_t general_svm_work(const struct general *general);
size_t general_svm_scratch(const struct general *general);
// coupling.c
general_function general_coupling;
size_t general_coupling_scratch(const struct general *general);
uint64_t general_coupling_work(const struct general *general);
