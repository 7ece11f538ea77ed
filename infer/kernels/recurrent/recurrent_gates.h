// SPDX-License-Identifier: BSD-3-Clause
// What RNN, GRU and LSTM do between the products of a time step, by the equations of ONNX's
// Operators.md: gates, activations, the next state. The contract is kernels.h's; rows are those of
// the pass.
#pragma once

#include "infer/graph/act.h"
#include "infer/kernels/kernels.h"

struct recurrent_gates {
	uint32_t h;      // values of a state
	struct act f[3]; // ONNX's f, g and h
};

// Gates follow each other in ONNX's order: [gates * h] a row.
struct recurrent_rows {
	const float *from_x; // the input's share, with all biases that are only added
	size_t from_x_ld;    // floats from row to row
	float *from_h;       // [m][gates * h] the state's share; GRU leaves z here
	float *state;        // [m][h], replaced by the next one
	float *other;        // [m][h] LSTM's cell, GRU's r * state
	float *y;            // a copy of the next state; NULL: none
	size_t y_ld;
};

typedef void recurrent_gates_fn(
	const struct recurrent_gates *gates, uint32_t m, const struct recurrent_rows *rows);
typedef recurrent_gates_fn rnn_gates_fn, lstm_gates_fn, gru_gates_fn, gru_reset_fn, gru_state_fn;

#define RNN_GATES_LIST(X) X(f32_rnn_gates__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_rnn_gates)
#define LSTM_GATES_LIST(X)                                                                         \
	X(f32_lstm_gates__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_lstm_gates)
// GRU with linear_before_reset.
#define GRU_GATES_LIST(X) X(f32_gru_gates__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_gru_gates)
// GRU without it, in two halves: z and r * state, from which the caller makes from_h of the third
// gate, then the state.
#define GRU_RESET_LIST(X) X(f32_gru_reset__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_gru_reset)
#define GRU_STATE_LIST(X) X(f32_gru_state__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_gru_state)

#define X(name, isa) recurrent_gates_fn name;
RNN_GATES_LIST(X)
LSTM_GATES_LIST(X)
GRU_GATES_LIST(X)
GRU_RESET_LIST(X)
GRU_STATE_LIST(X)
#undef X
KERNEL_FAMILY(rnn_gates, RNN_GATES)
KERNEL_FAMILY(lstm_gates, LSTM_GATES)
KERNEL_FAMILY(gru_gates, GRU_GATES)
KERNEL_FAMILY(gru_reset, GRU_RESET)
KERNEL_FAMILY(gru_state, GRU_STATE)
