// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/act.h"
#include "infer/kernels/recurrent/recurrent_gates.h"

#include <assert.h>

// The values of one row of the pass.
struct gates_row {
	const struct recurrent_gates *gates;
	const float *from_x;
	float *from_h, *state, *other, *y;
};

static struct gates_row gates_row_of(const struct recurrent_gates *gates,
	const struct recurrent_rows *rows, uint32_t n_gates, size_t row)
{
	const uint32_t h = gates->h;

	assert(h > 0);
	return (struct gates_row){ gates, rows->from_x + row * rows->from_x_ld,
		rows->from_h + row * h * n_gates, rows->state + row * h, rows->other + row * h,
		rows->y ? rows->y + row * rows->y_ld : NULL };
}

// The value of gate `gate` for state i: activation `f` of the sum of both shares.
static float gate_value(const struct gates_row *row, uint32_t gate, uint32_t i, uint32_t f)
{
	const size_t at = (size_t)gate * row->gates->h + i;

	return act_f32(&row->gates->f[f], row->from_x[at] + row->from_h[at]);
}

static void gates_keep_state(const struct gates_row *row, uint32_t i, float state)
{
	row->state[i] = state;
	if (row->y)
		row->y[i] = state;
}

void f32_rnn_gates__scalar(
	const struct recurrent_gates *gates, uint32_t m, const struct recurrent_rows *rows)
{
	for (uint32_t r = 0; r < m; r++) {
		const struct gates_row row = gates_row_of(gates, rows, 1, r);

		for (uint32_t i = 0; i < gates->h; i++)
			gates_keep_state(&row, i, gate_value(&row, 0, i, 0));
	}
}

// Gates i, o, f, c.
void f32_lstm_gates__scalar(
	const struct recurrent_gates *gates, uint32_t m, const struct recurrent_rows *rows)
{
	for (uint32_t r = 0; r < m; r++) {
		const struct gates_row row = gates_row_of(gates, rows, 4, r);

		for (uint32_t i = 0; i < gates->h; i++) {
			const float in = gate_value(&row, 0, i, 0), out = gate_value(&row, 1, i, 0);
			const float keep = gate_value(&row, 2, i, 0),
				    new = gate_value(&row, 3, i, 1);

			row.other[i] = keep * row.other[i] + in * new;
			gates_keep_state(&row, i, out * act_f32(&gates->f[2], row.other[i]));
		}
	}
}

// Gates z, r, h.
void f32_gru_gates__scalar(
	const struct recurrent_gates *gates, uint32_t m, const struct recurrent_rows *rows)
{
	for (uint32_t r = 0; r < m; r++) {
		const struct gates_row row = gates_row_of(gates, rows, 3, r);

		for (uint32_t i = 0; i < gates->h; i++) {
			const float z = gate_value(&row, 0, i, 0),
				    reset = gate_value(&row, 1, i, 0);
			const size_t at = (size_t)2 * gates->h + i;
			const float sum = row.from_x[at] + reset * row.from_h[at];
			const float new = act_f32(&gates->f[1], sum);

			gates_keep_state(&row, i, (1.0f - z) * new + z *row.state[i]);
		}
	}
}

void f32_gru_reset__scalar(
	const struct recurrent_gates *gates, uint32_t m, const struct recurrent_rows *rows)
{
	for (uint32_t r = 0; r < m; r++) {
		const struct gates_row row = gates_row_of(gates, rows, 3, r);

		for (uint32_t i = 0; i < gates->h; i++) {
			row.other[i] = gate_value(&row, 1, i, 0) * row.state[i];
			row.from_h[i] = gate_value(&row, 0, i, 0);
		}
	}
}

void f32_gru_state__scalar(
	const struct recurrent_gates *gates, uint32_t m, const struct recurrent_rows *rows)
{
	for (uint32_t r = 0; r < m; r++) {
		const struct gates_row row = gates_row_of(gates, rows, 3, r);

		for (uint32_t i = 0; i < gates->h; i++) {
			const float z = row.from_h[i], new = gate_value(&row, 2, i, 1);

			gates_keep_state(&row, i, (1.0f - z) * new + z *row.state[i]);
		}
	}
}

KERNEL_TABLE_DEFINE(rnn_gates, RNN_GATES, KERNEL_ENTRY)
KERNEL_TABLE_DEFINE(lstm_gates, LSTM_GATES, KERNEL_ENTRY)
KERNEL_TABLE_DEFINE(gru_gates, GRU_GATES, KERNEL_ENTRY)
KERNEL_TABLE_DEFINE(gru_reset, GRU_RESET, KERNEL_ENTRY)
KERNEL_TABLE_DEFINE(gru_state, GRU_STATE, KERNEL_ENTRY)
