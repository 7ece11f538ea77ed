// SPDX-License-Identifier: BSD-3-Clause
// Passes: graph to graph, the same scores from less work. Constants are folded in double and
// rounded once; where folding would cost precision it is left undone (PASS_SHIFT_MAX). Nodes are
// changed in place; what they leave behind, pass_dead_code() takes away.
//
// Each returns how many changes it made, or a negative errno with err filled. One line a change
// goes into the report, which may be NULL.
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"

// A shift folded into what follows cancels against the product it came from: with float32's 2^-24
// a sum of shifts up to this size costs less than 4e-6, the bound on scores being 1e-5.
#define PASS_SHIFT_MAX 32.0

int pass_fold_constants(struct graph *graph, struct compile_report *report, struct error *err);
int pass_drop_identity(struct graph *graph, struct compile_report *report, struct error *err);
// Gemm and MatMul with constant weights -> Dense, weights [K][N].
int pass_make_dense(struct graph *graph, struct compile_report *report, struct error *err);
// Add, Sub, Mul, Div with constants and BatchNormalization of rows -> Affine.
int pass_make_affine(struct graph *graph, struct compile_report *report, struct error *err);
// Affine into the Dense or Affine before or after it.
int pass_fold_affine(struct graph *graph, struct compile_report *report, struct error *err);
// BatchNormalization, Mul, Add, Sub, Div by constants of channels into the Conv before them.
int pass_fold_conv(struct graph *graph, struct compile_report *report, struct error *err);
// Activations into the Dense, Affine or Conv before them.
int pass_fuse_activation(struct graph *graph, struct compile_report *report, struct error *err);
// DynamicQuantizeLinear -> MatMulInteger with constant weights -> Cast -> Mul [-> Add] ->
// DynamicQDense, bit by bit the same; a MatMulInteger that nothing of that follows -> QDense.
int pass_fuse_dynamic(struct graph *graph, struct compile_report *report, struct error *err);
// Nodes that no output needs, tensors that no node needs.
int pass_dead_code(struct graph *graph, struct compile_report *report, struct error *err);

// DequantizeLinear -> MatMul, Gemm or Conv -> QuantizeLinear, QLinearMatMul and QLinearConv, with
// constant weights of 8 bits -> QDense and QConv. Not one of those below: what it makes rounds in
// other places than what was there, by up to a step of the quantised output.
int pass_fuse_quantised(struct graph *graph, struct compile_report *report, struct error *err);

// Weights of Dense from float32 to bfloat16, when all else is done: no other pass knows them. Not
// one of those below, either: x is rounded then, too (kernels/bf16_dense.h).
int pass_bf16_weights(struct graph *graph, struct compile_report *report, struct error *err);

// The first eight in their order, until none finds more. 0 or a negative errno.
int passes_run(struct graph *graph, struct compile_report *report, struct error *err);

// --- For the passes ------------------------------------------------------------------------------

struct uses {
	uint32_t *producer; // [n_tensors] node, or GRAPH_NONE
	uint32_t *count;    // [n_tensors] readers, the model's outputs included
};
int uses_init(struct uses *uses, const struct graph *graph, struct error *err);
void uses_fini(struct uses *uses);
// The node that makes `tensor`, if it is an `op` and only one reader wants it; NULL otherwise.
struct node *uses_sole(const struct uses *uses, struct graph *graph, uint32_t tensor, enum op op);
// The two nodes swap what they write: `first` then writes what `second` wrote, which is left dead.
void node_take_output(struct node *first, struct node *second);
// A constant with memory to fill; GRAPH_NONE: out of memory, sentence made.
uint32_t pass_constant_of(struct graph *graph, const char *stem, enum dtype dtype, uint32_t rank,
	int64_t d0, int64_t d1, void **data, struct error *err);
// The same of F32.
uint32_t pass_constant(struct graph *graph, const char *stem, uint32_t rank, int64_t d0, int64_t d1,
	float **data, struct error *err);
bool tensor_is_constant(const struct graph *graph, uint32_t tensor);
const float *tensor_floats(const struct graph *graph, uint32_t tensor);
