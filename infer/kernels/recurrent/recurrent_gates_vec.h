// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/graph/act.h"
#include "infer/kernels/recurrent/recurrent_gates.h"
#include "infer/kernels/vec/vec_act.h"

#include <assert.h>

#ifdef VEC_WIDTH

// A vector of states of one row, from value i of the row on.
struct gates_at {
	const struct recurrent_gates *gates;
	const float *from_x;
	float *from_h, *state, *other, *y;
	vec_mask mask;
};

VEC_INLINE vec gate_of_x(const struct gates_at *at, uint32_t gate)
{
	return vec_load_mask(at->from_x + (size_t)gate * at->gates->h, at->mask);
}

VEC_INLINE vec gate_of_h(const struct gates_at *at, uint32_t gate)
{
	return vec_load_mask(at->from_h + (size_t)gate * at->gates->h, at->mask);
}

VEC_INLINE vec gate_sum(const struct gates_at *at, uint32_t gate)
{
	return vec_add(gate_of_x(at, gate), gate_of_h(at, gate));
}

// Sigmoid and Tanh are tested first: nearly all models have them.
VEC_INLINE vec gate_activate(const struct gates_at *at, uint32_t which, vec x)
{
	const struct act *act = &at->gates->f[which];

	if (act->kind == ACTIVATION_SIGMOID)
		return vec_sigmoid(x);
	if (act->kind == ACTIVATION_TANH)
		return vec_tanh(x);
	if (act->kind == ACTIVATION_RELU)
		return vec_max(vec_set1(0.0f), x);
	return vec_activate(act->kind, vec_act_of(act), x);
}

VEC_INLINE void gates_store_state(const struct gates_at *at, vec state)
{
	vec_store_mask(at->state, at->mask, state);
	if (at->y)
		vec_store_mask(at->y, at->mask, state);
}

VEC_INLINE void rnn_at(const struct gates_at *at)
{
	gates_store_state(at, gate_activate(at, 0, gate_sum(at, 0)));
}

// Gates i, o, f, c.
VEC_INLINE void lstm_at(const struct gates_at *at)
{
	const vec in = gate_activate(at, 0, gate_sum(at, 0));
	const vec out = gate_activate(at, 0, gate_sum(at, 1));
	const vec keep = gate_activate(at, 0, gate_sum(at, 2));
	const vec new = gate_activate(at, 1, gate_sum(at, 3));
	const vec cell = vec_fma(keep, vec_load_mask(at->other, at->mask), vec_mul(in, new));

	vec_store_mask(at->other, at->mask, cell);
	gates_store_state(at, vec_mul(out, gate_activate(at, 2, cell)));
}

VEC_INLINE void gru_mix(const struct gates_at *at, vec z, vec new)
{
	const vec state = vec_load_mask(at->state, at->mask);
	const vec kept = vec_mul(vec_sub(vec_set1(1.0f), z), new);

	gates_store_state(at, vec_fma(z, state, kept));
}

// Gates z, r, h.
VEC_INLINE void gru_at(const struct gates_at *at)
{
	const vec z = gate_activate(at, 0, gate_sum(at, 0));
	const vec r = gate_activate(at, 0, gate_sum(at, 1));
	const vec sum = vec_fma(r, gate_of_h(at, 2), gate_of_x(at, 2));

	gru_mix(at, z, gate_activate(at, 1, sum));
}

VEC_INLINE void gru_reset_at(const struct gates_at *at)
{
	const vec r = gate_activate(at, 0, gate_sum(at, 1));

	vec_store_mask(at->from_h, at->mask, gate_activate(at, 0, gate_sum(at, 0)));
	vec_store_mask(at->other, at->mask, vec_mul(r, vec_load_mask(at->state, at->mask)));
}

VEC_INLINE void gru_state_at(const struct gates_at *at)
{
	gru_mix(at, gate_of_h(at, 0), gate_activate(at, 1, gate_sum(at, 2)));
}

#define RECURRENT_GATES(name, n_gates, BODY)                                                       \
	void VEC_NAME(name)(const struct recurrent_gates *gates, uint32_t m,                       \
		const struct recurrent_rows *rows)                                                 \
	{                                                                                          \
		const uint32_t h = gates->h;                                                       \
                                                                                                   \
		assert(h > 0);                                                                     \
		for (size_t row = 0; row < m; row++) {                                             \
			for (uint32_t i = 0; i < h; i += VEC_WIDTH) {                              \
				const struct gates_at at = { gates,                                \
					rows->from_x + row * rows->from_x_ld + i,                  \
					rows->from_h + row * h * (n_gates) + i,                    \
					rows->state + row * h + i, rows->other + row * h + i,      \
					rows->y ? rows->y + row * rows->y_ld + i : NULL,           \
					vec_first(h - i < VEC_WIDTH ? h - i : VEC_WIDTH) };        \
                                                                                                   \
				BODY(&at);                                                         \
			}                                                                          \
		}                                                                                  \
	}

RECURRENT_GATES(f32_rnn_gates, 1, rnn_at)
RECURRENT_GATES(f32_lstm_gates, 4, lstm_at)
RECURRENT_GATES(f32_gru_gates, 3, gru_at)
RECURRENT_GATES(f32_gru_reset, 3, gru_reset_at)
RECURRENT_GATES(f32_gru_state, 3, gru_state_at)

#endif
