// SPDX-License-Identifier: BSD-3-Clause
// GRU and LSTM over the time steps of a row, as they are trained: backpropagation through time. Equations
// are those of ONNX's Operators.md with its default activations; a GRU is one with linear_before_reset, as PyTorch's
// and Keras' are.
//
// Owner: the caller. Nothing here changes a struct recurrent_net once it is set up: any number of threads may go forwards and
// backwards with it, each with its own scratch.
#pragma once

#include "infer/graph/graph.h"

#define RECURRENT_LAYERS_MAX 8
#define RECURRENT_HIDDEN_MAX 4096
// Floats of scratch for one row, at most.
#define RECURRENT_SCRATCH_MAX ((size_t)1 << 20)

// One layer's part of the parameters, as ONNX has them but for the biases: an LSTM's two are always added, so that one is
// enough; of a GRU's second one only the third gate's part stands alone.
struct recurrent_params {
	size_t w;   // [gates * hidden][inputs]
	size_t r;   // [gates * hidden][hidden]
	size_t b;   // [gates * hidden]
	size_t own; // [hidden] of a GRU
	size_t ends;
};

struct recurrent_net {
	enum op op;           // OP_GRU, OP_LSTM
	uint32_t steps, n_in; // a row is [steps][n_in]
	uint32_t n_layers, hidden[RECURRENT_LAYERS_MAX];
};

// Checks all that is above: -EINVAL with a sentence.
int recurrent_check(const struct recurrent_net *recurrent, struct error *err);
struct recurrent_params recurrent_params_of(const struct recurrent_net *recurrent, uint32_t layer);
size_t recurrent_n_params(const struct recurrent_net *recurrent);
// Uniform in +-1 / sqrt(hidden), as PyTorch draws them; an LSTM's forget gates begin with a bias of 1 more (R.
// Jozefowicz, W. Zaremba, I. Sutskever, "An empirical exploration of recurrent network architectures", 2015).
void recurrent_draw(const struct recurrent_net *recurrent, uint64_t seed, float *params);

size_t recurrent_scratch(const struct recurrent_net *recurrent, uint32_t n_rows); // floats
// y [n_rows][hidden of the last layer]: its last state. x [n_rows][steps * n_in]. The scratch is what
// recurrent_backward() goes on with.
void recurrent_forward(const struct recurrent_net *recurrent, const float *params, const float *x,
	uint32_t n_rows, float *y, float *scratch);
// From the gradient dy of that y the gradient of the parameters, [n_params].
void recurrent_backward(const struct recurrent_net *recurrent, const float *params, const float *dy,
	uint32_t n_rows, float *gradient, float *scratch);

// The layers as operators that follow tensor `input`, f32 [1, steps * n_in]; returns the last state, [1, hidden], or
// GRAPH_NONE with err filled.
uint32_t recurrent_emit(const struct recurrent_net *recurrent, const float *params,
	struct graph *graph, uint32_t input, struct error *err);
