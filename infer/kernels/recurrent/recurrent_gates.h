// SPDX-License-Identifier: BSD-3-Clause
// What RNN, GRU and LSTM do between the products of a time step, by the equations of ONNX's
// Operators.md: gates, activations, the next state. The contract is kernels.h's; rows are those of
// the pass.
#pragma once

#include "infer/kernels/elementwise/activation.h"
#include "infer/kernels/kernels.h"

struct recurrent_gates {
	uint32_t h;      // values of a state
	struct act f[3]; // ONNX's f, g and h
};

// Gates stand side by side in ONNX's order: [gates * h] a row.
struct recurrent_rows {
	const float *from_x; // the input's share, with all biases that just add up
	size_t from_x_ld;    // floats from row to row
	float *from_h;       // [m][gates * h] the state's share; GRU's z afterwards
	float *state;        // [m][h], replaced by the next one
	float *other;        // [m][h] LSTM's cell, GRU's r * state
	float *y;            // a copy of the next state; NULL: none
	size_t y_ld;
};

typedef void recurrent_gates_fn(
	const struct recurrent_gates *gates, uint32_t m, const struct recurrent_rows *rows);
X86(recurrent_gates_fn f32_rnn_gates__avx2, f32_rnn_gates__avx512;)
ARM(recurrent_gates_fn f32_rnn_gates__neon;)
X86(recurrent_gates_fn f32_lstm_gates__avx2, f32_lstm_gates__avx512;)
ARM(recurrent_gates_fn f32_lstm_gates__neon;)
// GRU with linear_before_reset; without it in two halves: z and r * state, from which the caller
// makes from_h of the third gate, then the state.
X86(recurrent_gates_fn f32_gru_gates__avx2, f32_gru_gates__avx512;)
ARM(recurrent_gates_fn f32_gru_gates__neon;)
X86(recurrent_gates_fn f32_gru_reset__avx2, f32_gru_reset__avx512;)
ARM(recurrent_gates_fn f32_gru_reset__neon;)
X86(recurrent_gates_fn f32_gru_state__avx2, f32_gru_state__avx512;)
ARM(recurrent_gates_fn f32_gru_state__neon;)
