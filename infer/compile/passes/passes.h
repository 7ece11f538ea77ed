// SPDX-License-Identifier: BSD-3-Clause
// Passes: graph to graph, the same scores from less work. Constants are folded in double and
// rounded once; where folding would cost precision it is left undone (PASS_SHIFT_MAX). Nodes are
// changed in place; what they leave behind, pass_dead_code() takes away.
//
// To add a pass: its function pass_<name>() in <name>.c, and its line here.
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"

// A shift folded into what follows cancels against the product it came from: with float32's 2^-24
// a sum of shifts up to this size costs less than 4e-6, the bound on scores being 1e-5.
#define PASS_SHIFT_MAX 32.0

// Those that passes_run() runs, in this order:
//   drop_identity    Identity, Dropout, and Reshape to the shape that is there
//   fold_constants   nodes whose inputs are constant, computed once
//   find_norms       what exporters spell out of primitive operators: LayerNormalization, Softmax
//   find_gelu        and Gelu, by Erf or Tanh. Before its constants become Affines.
//   fold_trees       what is computed of a single tree's scores into the weights of its leaves
//   merge_trees      ensembles that are summed or stand side by side into one, and a Gather of columns
//                    into its branches
//   fuse_dynamic     DynamicQuantizeLinear -> MatMulInteger with constant weights -> Cast -> Mul
//                    [-> Add] -> DynamicQDense, bit by bit the same; a MatMulInteger that nothing
//                    of that follows -> QDense. Before its Add becomes an Affine.
//   make_dense       Gemm and MatMul with constant weights -> Dense, weights [K][N]
//   fold_conv        BatchNormalization, Mul, Add, Sub, Div by constants of channels into the Conv
//                    before them
//   make_affine      Add, Sub, Mul, Div with constants and BatchNormalization of rows -> Affine
//   fold_affine      Affine into the Dense or Affine before or after it
//   fuse_activation  activations into the Dense, Affine or Conv before them
//   dead_code        nodes that no output needs, tensors that no node needs
#define PASS_LIST(X)                                                                               \
	X(drop_identity)                                                                           \
	X(fold_constants)                                                                          \
	X(find_norms)                                                                              \
	X(find_gelu)                                                                               \
	X(fold_trees)                                                                              \
	X(merge_trees)                                                                             \
	X(fuse_dynamic)                                                                            \
	X(make_dense)                                                                              \
	X(fold_conv)                                                                               \
	X(make_affine)                                                                             \
	X(fold_affine)                                                                             \
	X(fuse_activation)                                                                         \
	X(dead_code)

// Those that are called once, as they change scores within what they say:
//   fuse_quantised   DequantizeLinear -> MatMul, Gemm or Conv -> QuantizeLinear, QLinearMatMul and
//                    QLinearConv, with constant weights of 8 bits -> QDense and QConv, which round
//                    elsewhere than what was there, by up to a step of the quantised output;
//                    DequantizeLinear -> functions of each value by itself -> QuantizeLinear ->
//                    QLookup, likewise
//   bf16_weights     weights of Dense from float32 to bfloat16, and x rounded alike; when all else
//                    is done, as no other pass knows such weights
#define PASS_LIST_ONCE(X)                                                                          \
	X(fuse_quantised)                                                                          \
	X(bf16_weights)

// Each returns how many changes it made, or a negative errno with err filled. One line a change goes
// into the report, which may be NULL.
#define PASS(name)                                                                                 \
	int pass_##name(struct graph *graph, struct compile_report *report, struct error *err);
PASS_LIST(PASS)
PASS_LIST_ONCE(PASS)
#undef PASS
