// SPDX-License-Identifier: BSD-3-Clause
// RNN, GRU and LSTM by the equations of ONNX's Operators.md, one direction and sequence at a time.
#include "infer/graph/act.h"
#include "infer/ops/plain.h"
#include "infer/ops/rule.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

// --- Shapes --------------------------------------------------------------------------------------

static int recurrent_need_list(
	const struct inference *in, enum attr_key key, enum attr_kind kind, uint32_t count)
{
	const struct attr *attr = node_attr(in->node, key);

	if (!attr || attr->kind != kind || attr->count != count)
		return shape_refuse(in, "attribute \"%s\" should have %" PRIu32 " values",
			attr_name(key), count);
	for (uint32_t i = 0; i < count && kind == ATTR_KIND_INTS; i++) {
		if (attr->ints[i] < 0 || attr->ints[i] >= RECURRENT_COUNT)
			return shape_refuse(in,
				"attribute \"%s\" has %" PRId64 ", which is no activation",
				attr_name(key), attr->ints[i]);
	}
	return 0;
}

static int recurrent_need_dims(
	const struct inference *in, uint32_t i, uint32_t rank, const int64_t *dims)
{
	const struct tensor *tensor = shape_input(in, i);
	struct tensor wanted = { .rank = rank };
	bool same = tensor && tensor->rank == rank;

	for (uint32_t d = 0; d < rank; d++) {
		wanted.dims[d] = dims[d];
		same = same && tensor->dims[d] == dims[d];
	}
	if (tensor && !same)
		return shape_refuse(in, "input \"%s\" is %s, should be %s", tensor->name,
			tensor_shape_text(tensor).text, tensor_shape_text(&wanted).text);
	return 0;
}

// initial_h, initial_c, Y_h, Y_c.
static void recurrent_state_dims(
	int64_t dims[3], bool rows_first, int64_t ways, int64_t batch, int64_t h)
{
	dims[0] = rows_first ? batch : ways;
	dims[1] = rows_first ? ways : batch;
	dims[2] = h;
}

static int recurrent_need_attrs(const struct inference *in, uint32_t functions)
{
	if (shape_need_int(in, ATTR_DIRECTION, 0, 0, DIRECTION_COUNT - 1) != 0 ||
		shape_need_int(in, ATTR_LAYOUT, 0, 0, 1) != 0 ||
		recurrent_need_list(in, ATTR_ACTIVATIONS, ATTR_KIND_INTS, functions) != 0 ||
		recurrent_need_list(in, ATTR_ALPHAS, ATTR_KIND_FLOATS, functions) != 0 ||
		recurrent_need_list(in, ATTR_BETAS, ATTR_KIND_FLOATS, functions) != 0)
		return -EINVAL;
	return 0;
}

static int recurrent_need_dtypes(const struct inference *in)
{
	for (uint32_t i = 0; i < in->node->n_inputs; i++) {
		if (shape_need_dtype(in, i, i == 4 ? DTYPE_I32 : DTYPE_F32) != 0)
			return -EINVAL;
	}
	return 0;
}

// Y, Y_h and Y_c of x.
static void recurrent_outputs(
	const struct inference *in, int64_t ways, int64_t batch, int64_t h, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);
	const bool rows_first = node_int(in->node, ATTR_LAYOUT, 0) != 0;

	out[0] = (struct tensor){ .dtype = DTYPE_F32, .rank = 4 };
	out[0].dims[0] = x->dims[0];
	out[0].dims[1] = rows_first ? x->dims[1] : ways;
	out[0].dims[2] = rows_first ? ways : x->dims[1];
	out[0].dims[3] = h;
	for (uint32_t o = 1; o < in->node->n_outputs; o++) {
		out[o] = (struct tensor){ .dtype = DTYPE_F32, .rank = 3 };
		recurrent_state_dims(out[o].dims, rows_first, ways, batch, h);
	}
}

// X, W, R, B, sequence_lens, initial_h, and of LSTM initial_c and P. Outputs Y, Y_h, Y_c.
int shape_recurrent(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *r = shape_input(in, 2);
	const enum op op = in->node->op;
	const int64_t gates = op == OP_LSTM ? 4 : op == OP_GRU ? 3 : 1;
	const int64_t ways = node_int(in->node, ATTR_DIRECTION, 0) == DIRECTION_BOTH ? 2 : 1;
	const uint32_t functions = (uint32_t)ways * (op == OP_LSTM ? 3 : op == OP_GRU ? 2 : 1);
	const bool rows_first = node_int(in->node, ATTR_LAYOUT, 0) != 0;
	int64_t steps, batch, h, state[3];

	if (recurrent_need_attrs(in, functions) != 0 || recurrent_need_dtypes(in) != 0)
		return -EINVAL;
	if (x->rank != 3 || r->rank != 3)
		return shape_refuse_pair(in, 0, 2, "both must have 3 dimensions");
	steps = x->dims[rows_first];
	batch = x->dims[!rows_first];
	h = r->dims[2];
	if (steps < 1 || batch < 1 || h < 1)
		return shape_refuse_pair(in, 0, 2, "none of their dimensions may be 0");
	recurrent_state_dims(state, rows_first, ways, batch, h);
	if (recurrent_need_dims(in, 1, 3, (int64_t[]){ ways, gates * h, x->dims[2] }) != 0 ||
		recurrent_need_dims(in, 2, 3, (int64_t[]){ ways, gates * h, h }) != 0 ||
		recurrent_need_dims(in, 3, 2, (int64_t[]){ ways, 2 * gates * h }) != 0 ||
		recurrent_need_dims(in, 4, 1, &batch) != 0 ||
		recurrent_need_dims(in, 5, 3, state) != 0 ||
		recurrent_need_dims(in, 6, 3, state) != 0 ||
		recurrent_need_dims(in, 7, 2, (int64_t[]){ ways, 3 * h }) != 0)
		return -EINVAL;
	recurrent_outputs(in, ways, batch, h, out);
	return 0;
}

static const enum op CELL_OP[CELL_COUNT] = {
	[CELL_RNN] = OP_RNN, [CELL_GRU] = OP_GRU, [CELL_LSTM] = OP_LSTM
};
static const int64_t CELL_GATES[CELL_COUNT] = { [CELL_RNN] = 1, [CELL_GRU] = 3, [CELL_LSTM] = 4 };

// x, W, b, m, R, b, m, initial_h and of an LSTM initial_c.
static int qrecurrent_need_operands(const struct inference *in)
{
	static const enum dtype DTYPES[] = { DTYPE_I8, DTYPE_I32, DTYPE_F32 };

	if (shape_need_byte(in, 0) != 0)
		return -EINVAL;
	for (uint32_t i = 1; i < 7; i++) {
		if (shape_need_dtype(in, i, DTYPES[(i - 1) % 3]) != 0 ||
			shape_need_constant(in, i) != 0)
			return -EINVAL;
	}
	for (uint32_t i = 7; i < in->node->n_inputs; i++) {
		if (shape_need_dtype(in, i, DTYPE_F32) != 0)
			return -EINVAL;
	}
	return 0;
}

int shape_qrecurrent(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *r = shape_input(in, 4);
	const int64_t ways = node_int(in->node, ATTR_DIRECTION, 0) == DIRECTION_BOTH ? 2 : 1;
	const bool rows_first = node_int(in->node, ATTR_LAYOUT, 0) != 0;
	const float scale = node_float(in->node, ATTR_ALPHA, 0);
	int64_t cell, h, wide, state[3];

	if (shape_need_int(in, ATTR_CELL, CELL_RNN, 0, CELL_COUNT - 1) != 0)
		return -EINVAL;
	cell = node_int(in->node, ATTR_CELL, CELL_RNN);
	if (recurrent_need_attrs(in, (uint32_t)(ways * (cell + 1))) != 0 ||
		qrecurrent_need_operands(in) != 0)
		return -EINVAL;
	if (!isnormal(scale) || scale < 0)
		return shape_refuse(in,
			"attribute \"%s\" should be the scale of the state, above 0",
			attr_name(ATTR_ALPHA));
	if (in->node->n_outputs != (cell == CELL_LSTM ? 3 : 2) ||
		in->node->n_inputs > (cell == CELL_LSTM ? 9 : 8))
		return shape_refuse(in, "an LSTM has 3 outputs and a cell, the others have not");
	if (x->rank != 3 || r->rank != 3)
		return shape_refuse_pair(in, 0, 4, "both must have 3 dimensions");
	h = r->dims[1];
	if (x->dims[rows_first] < 1 || x->dims[!rows_first] != 1 || x->dims[2] < 1 || h < 1)
		return shape_refuse_pair(in, 0, 4, "there must be one sequence, of some steps");
	wide = CELL_GATES[cell] * h;
	recurrent_state_dims(state, rows_first, ways, 1, h);
	if (recurrent_need_dims(in, 1, 3, (int64_t[]){ ways, x->dims[2], wide }) != 0 ||
		recurrent_need_dims(in, 4, 3, (int64_t[]){ ways, h, wide }) != 0)
		return -EINVAL;
	for (uint32_t i = 2; i < 7; i += i == 3 ? 2 : 1) {
		if (recurrent_need_dims(in, i, 2, (int64_t[]){ ways, wide }) != 0)
			return -EINVAL;
	}
	if (recurrent_need_dims(in, 7, 3, state) != 0 || recurrent_need_dims(in, 8, 3, state) != 0)
		return -EINVAL;
	recurrent_outputs(in, ways, 1, h, out);
	return 0;
}

// --- Values --------------------------------------------------------------------------------------

#define GATES_MAX 4

// One direction of one sequence.
struct recurrent_run {
	enum op op;
	int64_t h, inputs, gates;
	const float *w, *r;       // [gates * h][inputs], [gates * h][h]
	const float *wb, *rb, *p; // [gates * h] twice, [3 * h]; NULL: 0
	struct act f[3];
	double clip; // infinity: none
	bool linear_before_reset, input_forget;
	double *state, *cell;                // [h]
	double *sums, *next;                 // [2 * gates * h], [h]
	const struct recurrent_bytes *bytes; // of QRecurrent; NULL: w and r are there
};

// Of QRecurrent: weights as matrices [inputs][gates * h] and [h][gates * h].
struct recurrent_bytes {
	bool x_signed;
	const int8_t *w, *r;
	const int32_t *wb, *rb;
	const float *wm, *rm;
	float scale; // of the state
};

// Column n of the product of bytes and weights, as QDense has it.
static double recurrent_of_sum(uint32_t sum, int32_t b, float multiplier)
{
	return (double)((float)(int32_t)(sum + (uint32_t)b) * multiplier);
}

static double recurrent_from_x(const struct recurrent_run *run, const uint8_t *x, int64_t n)
{
	const struct recurrent_bytes *q = run->bytes;
	const int64_t wide = run->gates * run->h;
	uint32_t sum = 0;

	for (int64_t k = 0; k < run->inputs; k++)
		sum += (uint32_t)(q->x_signed ? (int8_t)x[k] : x[k]) * (uint32_t)q->w[k * wide + n];
	return recurrent_of_sum(sum, q->wb[n], q->wm[n]);
}

// As QuantizeLinear has it.
static int32_t recurrent_quantise(float value, float scale)
{
	const float q = nearbyintf(value / scale);

	return q > -128 ? q < 127 ? (int32_t)q : 127 : isnan(q) ? 0 : -128;
}

// `scaled`: NULL, or by what the state is multiplied first.
static double recurrent_from_h(const struct recurrent_run *run, const double *scaled, int64_t n)
{
	const struct recurrent_bytes *q = run->bytes;
	const int64_t wide = run->gates * run->h;
	uint32_t sum = 0;

	for (int64_t k = 0; k < run->h; k++) {
		const double value = run->state[k] * (scaled ? scaled[k] : 1);

		sum += (uint32_t)recurrent_quantise((float)value, q->scale) *
			(uint32_t)q->r[k * wide + n];
	}
	return recurrent_of_sum(sum, q->rb[n], q->rm[n]);
}

static double recurrent_apply(const struct recurrent_run *run, uint32_t which, double x)
{
	x = x > run->clip ? run->clip : x < -run->clip ? -run->clip : x;
	return act_f64(&run->f[which], x);
}

static double recurrent_peephole(
	const struct recurrent_run *run, int64_t which, int64_t i, double cell)
{
	return run->p ? (double)run->p[which * run->h + i] * cell : 0;
}

// Gates in the order i, o, f, c.
static void recurrent_lstm(struct recurrent_run *run)
{
	const double *sums = run->sums;

	for (int64_t i = 0; i < run->h; i++) {
		double before = run->cell[i];
		double in =
			recurrent_apply(run, 0, sums[i] + recurrent_peephole(run, 0, i, before));
		double keep = run->input_forget
			? 1 - in
			: recurrent_apply(run, 0,
				  sums[2 * run->h + i] + recurrent_peephole(run, 2, i, before));
		double cell = keep * before + in * recurrent_apply(run, 1, sums[3 * run->h + i]);
		double out = recurrent_apply(
			run, 0, sums[run->h + i] + recurrent_peephole(run, 1, i, cell));

		run->cell[i] = cell;
		run->state[i] = out * recurrent_apply(run, 2, cell);
	}
}

// Gates in the order z, r, h. The second half of the sums is the state's share.
static void recurrent_gru(struct recurrent_run *run)
{
	const int64_t h = run->h;
	double *sums = run->sums, *own = sums + 3 * h;

	for (int64_t i = 0; i < 2 * h; i++)
		sums[i] = recurrent_apply(run, 0, sums[i] + own[i]);
	for (int64_t i = 0; i < h; i++) {
		double sum = sums[2 * h + i];

		if (run->linear_before_reset) {
			sum += sums[h + i] * own[2 * h + i];
		} else {
			sum += run->rb ? (double)run->rb[2 * h + i] : 0;
			if (run->bytes)
				sum += recurrent_from_h(run, sums + h, 2 * h + i);
			for (int64_t j = 0; j < h && !run->bytes; j++)
				sum += sums[h + j] * run->state[j] *
					(double)run->r[(2 * h + i) * h + j];
		}
		run->next[i] =
			(1 - sums[i]) * recurrent_apply(run, 1, sum) + sums[i] * run->state[i];
	}
	memcpy(run->state, run->next, (size_t)h * sizeof(*run->state));
}

static void recurrent_step(struct recurrent_run *run, const void *x)
{
	const int64_t rows = run->gates * run->h;
	double *own = run->sums + rows;

	for (int64_t i = 0; i < rows; i++) {
		double from_x = run->wb ? (double)run->wb[i] : 0;
		double from_h = run->rb ? (double)run->rb[i] : 0;

		if (run->bytes) {
			from_x = recurrent_from_x(run, x, i);
			from_h = recurrent_from_h(run, NULL, i);
		}
		for (int64_t j = 0; j < run->inputs && !run->bytes; j++)
			from_x +=
				(double)run->w[i * run->inputs + j] * (double)((const float *)x)[j];
		for (int64_t j = 0; j < run->h && !run->bytes; j++)
			from_h += (double)run->r[i * run->h + j] * run->state[j];
		run->sums[i] = run->op == OP_GRU ? from_x : from_x + from_h;
		own[i] = from_h;
	}
	if (run->op == OP_LSTM) {
		recurrent_lstm(run);
	} else if (run->op == OP_GRU) {
		recurrent_gru(run);
	} else {
		for (int64_t i = 0; i < run->h; i++)
			run->state[i] = recurrent_apply(run, 0, run->sums[i]);
	}
}

static void recurrent_plain_set_up(
	const struct plain *plain, const void *const *x, int64_t way, struct recurrent_run *run)
{
	const struct node *node = plain->node;
	const int64_t rows = run->gates * run->h;
	const uint32_t functions = run->op == OP_LSTM ? 3 : run->op == OP_GRU ? 2 : 1;
	const float *bias = plain->n_in > 3 ? x[3] : NULL;
	const float *p = plain->n_in > 7 ? x[7] : NULL;
	const float clip = node_float(node, ATTR_CLIP, 0);

	run->w = (const float *)x[1] + way * rows * run->inputs;
	run->r = (const float *)x[2] + way * rows * run->h;
	run->wb = bias ? bias + way * 2 * rows : NULL;
	run->rb = bias ? run->wb + rows : NULL;
	run->p = p ? p + way * 3 * run->h : NULL;
	run->clip = clip > 0 ? (double)clip : INFINITY;
	run->linear_before_reset = node_int(node, ATTR_LINEAR_BEFORE_RESET, 0) != 0;
	run->input_forget = node_int(node, ATTR_INPUT_FORGET, 0) != 0;
	for (uint32_t f = 0; f < functions; f++)
		run->f[f] = act_of_gate(node, (uint32_t)way * functions + f);
}

struct recurrent_layout { // offsets and strides, in values
	int64_t steps, batch, ways, h, inputs;
	bool rows_first;
};

static struct recurrent_layout recurrent_layout(const struct plain *plain)
{
	const struct tensor *x = &plain->in[0];
	const bool rows_first = node_int(plain->node, ATTR_LAYOUT, 0) != 0;

	return (struct recurrent_layout){ x->dims[rows_first], x->dims[!rows_first],
		plain->in[1].dims[0], plain->in[2].dims[2], x->dims[2], rows_first };
}

static int64_t recurrent_state_at(const struct recurrent_layout *l, int64_t way, int64_t row)
{
	return (l->rows_first ? row * l->ways + way : way * l->batch + row) * l->h;
}

static void recurrent_put(float *y, int64_t at, const double *from, int64_t count)
{
	for (int64_t i = 0; y && i < count; i++)
		y[at + i] = (float)from[i];
}

static void recurrent_get(double *to, const float *x, int64_t at, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		to[i] = x ? (double)x[at + i] : 0;
}

// Steps past the sequence's length give 0 and leave the states as they are.
static void recurrent_sequence(const struct plain *plain, const struct recurrent_layout *l,
	const void *const *x, void *const *y, struct recurrent_run *run, int64_t way, int64_t row)
{
	const int32_t *lengths = !run->bytes && plain->n_in > 4 ? x[4] : NULL;
	const size_t value = run->bytes ? 1 : sizeof(float);
	const uint32_t start = run->bytes ? 7 : 5; // the input that has the initial states
	const int64_t direction = node_int(plain->node, ATTR_DIRECTION, DIRECTION_FORWARD);
	const bool backwards = direction == DIRECTION_REVERSE || way == 1;
	int64_t length = lengths ? lengths[row] : l->steps;
	const int64_t at = recurrent_state_at(l, way, row);
	float *all = y[0];

	length = length < 0 ? 0 : length > l->steps ? l->steps : length;
	recurrent_get(run->state, plain->n_in > start ? x[start] : NULL, at, l->h);
	recurrent_get(run->cell, plain->n_in > start + 1 ? x[start + 1] : NULL, at, l->h);
	for (int64_t s = 0; s < l->steps; s++) {
		const int64_t step = backwards && s < length ? length - 1 - s : s;
		const int64_t at_step =
			l->rows_first ? row * l->steps + step : step * l->batch + row;
		const int64_t to = l->rows_first ? (at_step * l->ways + way) * l->h
						 : ((step * l->ways + way) * l->batch + row) * l->h;

		if (s < length) {
			recurrent_step(
				run, (const char *)x[0] + (size_t)(at_step * l->inputs) * value);
			recurrent_put(all, to, run->state, l->h);
		} else if (all) {
			memset(all + to, 0, (size_t)l->h * sizeof(*all));
		}
	}
	recurrent_put(y[1], at, run->state, l->h);
	if (plain->n_out > 2)
		recurrent_put(y[2], at, run->cell, l->h);
}

static void recurrent_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct recurrent_layout l = recurrent_layout(plain);
	const enum op op = plain->node->op;
	double *state = scratch;
	struct recurrent_run run = { .op = op,
		.h = l.h,
		.inputs = l.inputs,
		.gates = op == OP_LSTM ? 4
			: op == OP_GRU ? 3
				       : 1,
		.state = state,
		.cell = state + l.h,
		.next = state + 2 * l.h,
		.sums = state + 3 * l.h };

	for (int64_t way = 0; way < l.ways; way++) {
		recurrent_plain_set_up(plain, x, way, &run);
		for (int64_t row = 0; row < l.batch; row++)
			recurrent_sequence(plain, &l, x, y, &run, way, row);
	}
}

static size_t recurrent_scratch(const struct plain *plain)
{
	return (size_t)plain->in[2].dims[2] * (3 + 2 * GATES_MAX) * sizeof(double);
}

static uint64_t recurrent_work(const struct plain *plain)
{
	const struct recurrent_layout l = recurrent_layout(plain);
	const uint64_t each = (uint64_t)tensor_elements(&plain->in[1]) +
		2 * (uint64_t)tensor_elements(&plain->in[2]);

	// Activations take many times a multiply-add; each is below 2^28.
	return (uint64_t)(l.steps * l.batch) * (each / (uint64_t)l.ways + 64 * (uint64_t)l.h) *
		(uint64_t)l.ways;
}

static void qrecurrent_set_up(const struct plain *plain, const void *const *x, int64_t way,
	struct recurrent_run *run, struct recurrent_bytes *bytes)
{
	const struct node *node = plain->node;
	const int64_t wide = run->gates * run->h;
	const uint32_t functions = (uint32_t)node_int(node, ATTR_CELL, CELL_RNN) + 1;

	*bytes = (struct recurrent_bytes){ .x_signed = plain->in[0].dtype == DTYPE_I8,
		.w = (const int8_t *)x[1] + way * run->inputs * wide,
		.wb = (const int32_t *)x[2] + way * wide,
		.wm = (const float *)x[3] + way * wide,
		.r = (const int8_t *)x[4] + way * run->h * wide,
		.rb = (const int32_t *)x[5] + way * wide,
		.rm = (const float *)x[6] + way * wide,
		.scale = node_float(node, ATTR_ALPHA, 1) };
	run->bytes = bytes;
	run->clip = INFINITY;
	run->linear_before_reset = node_int(node, ATTR_LINEAR_BEFORE_RESET, 0) != 0;
	for (uint32_t f = 0; f < functions; f++)
		run->f[f] = act_of_gate(node, (uint32_t)way * functions + f);
}

static void qrecurrent_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const int64_t cell = node_int(plain->node, ATTR_CELL, CELL_RNN);
	const bool rows_first = node_int(plain->node, ATTR_LAYOUT, 0) != 0;
	const struct recurrent_layout l = { plain->in[0].dims[rows_first], 1, plain->in[1].dims[0],
		plain->in[4].dims[1], plain->in[0].dims[2], rows_first };
	double *state = scratch;
	struct recurrent_run run = { .op = CELL_OP[cell],
		.h = l.h,
		.inputs = l.inputs,
		.gates = CELL_GATES[cell],
		.state = state,
		.cell = state + l.h,
		.next = state + 2 * l.h,
		.sums = state + 3 * l.h };
	struct recurrent_bytes bytes;

	for (int64_t way = 0; way < l.ways; way++) {
		qrecurrent_set_up(plain, x, way, &run, &bytes);
		recurrent_sequence(plain, &l, x, y, &run, way, 0);
	}
}

static size_t qrecurrent_scratch(const struct plain *plain)
{
	return (size_t)plain->in[4].dims[1] * (3 + 2 * GATES_MAX) * sizeof(double);
}

static uint64_t qrecurrent_work(const struct plain *plain)
{
	const bool rows_first = node_int(plain->node, ATTR_LAYOUT, 0) != 0;

	return (uint64_t)plain->in[0].dims[rows_first] *
		((uint64_t)tensor_elements(&plain->in[1]) +
			2 * (uint64_t)tensor_elements(&plain->in[4]) +
			64 * (uint64_t)(plain->in[4].dims[0] * plain->in[4].dims[1]));
}

const struct plain_op plain_qrecurrent = {
	.run = qrecurrent_plain, .scratch_bytes = qrecurrent_scratch, .work = qrecurrent_work
};
const struct plain_op plain_recurrent = {
	.run = recurrent_plain, .scratch_bytes = recurrent_scratch, .work = recurrent_work
};
