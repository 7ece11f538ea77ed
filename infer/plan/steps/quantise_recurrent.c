// SPDX-License-Identifier: BSD-3-Clause
// QRecurrent: RNN, GRU and LSTM of one sequence a row, whose products are of bytes and whose gates are the vectors'
// of the float layers. The inputs' share is one product for all time steps of all rows where its memory is not too
// much, else one a time step; the state is quantised at each time step, for all rows of the pass.
#include "infer/plan/steps/quantise_recurrent.h"
#include "infer/graph/act.h"
#include "infer/graph/arena.h"
#include "infer/kernels/move/copy.h"
#include "infer/kernels/quantise/quantise.h"
#include "infer/kernels/recurrent/recurrent_gates.h"
#include "infer/plan/steps/quantise.h"
#include "infer/plan/steps/recurrent.h"

#include <inttypes.h>
#include <string.h>

#define WAYS_MAX        2
#define ALL_STEPS_BYTES ((size_t)64 << 10) // most scratch for the products of a row's inputs

struct qrecurrent_way {
	struct qdense x, h;
	struct qdense reset; // of GRU's third gate, where `splits`
	struct recurrent_gates gates;
	bool backwards;
};

struct qrecurrent_step {
	struct qrecurrent_way ways[WAYS_MAX];
	uint32_t n_ways, steps, inputs, h, n_gates;
	bool has_y, has_cell, splits, all_steps;
	bool has_start[2];      // initial states, cells
	struct buffer start[2]; // [ways][h] a row
	struct quantise quantise;
	quantise_fn *to_bytes;
	recurrent_gates_fn *gates, *reset;
	const struct qdense_kernel *kernel[MODEL_BATCH_CLASSES];
};

// The scratch of a pass of n rows, in this order.
struct qrecurrent_scratch {
	float *from_x;  // [n][steps or 1][gates * h]
	float *from_h;  // [n][gates * h]
	float *part;    // [n][gates * h] a product before it is put into from_h
	float *state;   // [n][h]
	float *other;   // [n][h]
	uint8_t *bytes; // [n][h] of the state
	uint8_t *x;     // [n][inputs] of one time step
};

static size_t qrecurrent_floats(const struct qrecurrent_step *p)
{
	const size_t wide = (size_t)p->n_gates * p->h;

	return (p->all_steps ? p->steps : 1) * wide + 2 * wide + 2 * (size_t)p->h;
}

static struct qrecurrent_scratch qrecurrent_scratch(
	const struct qrecurrent_step *p, float *memory, size_t n)
{
	const size_t wide = (size_t)p->n_gates * p->h;
	struct qrecurrent_scratch s = { .from_x = memory };

	s.from_h = s.from_x + n * (p->all_steps ? p->steps : 1) * wide;
	s.part = s.from_h + n * wide;
	s.state = s.part + n * wide;
	s.other = s.state + n * p->h;
	s.bytes = (uint8_t *)(s.other + n * p->h);
	s.x = s.bytes + n * p->h;
	return s;
}

// The product of `from` [n][h], as bytes, by the weights of some gates, the first of which is `gate`.
static void qrecurrent_multiply(const struct qrecurrent_step *p, const struct qdense *dense,
	const struct pass *pass, const struct qrecurrent_scratch *s, const float *from,
	uint32_t gate)
{
	const uint32_t wide = p->n_gates * p->h;
	const bool whole = dense->n == wide;

	p->to_bytes(&p->quantise, (size_t)pass->n * p->h, from, s->bytes);
	p->kernel[pass->batch_class]->run(
		dense, pass->n, s->bytes, NULL, whole ? s->from_h : s->part);
	if (!whole)
		copy__scalar(pass->n, dense->n * sizeof(float), s->part, dense->n * sizeof(float),
			s->from_h + (size_t)gate * p->h, wide * sizeof(float));
}

static void qrecurrent_run_way(const struct step *step, const struct pass *pass, uint32_t w)
{
	const struct qrecurrent_step *p = step->params;
	const struct qrecurrent_way *way = &p->ways[w];
	const uint32_t n = pass->n, wide = p->n_gates * p->h;
	const struct qrecurrent_scratch s =
		qrecurrent_scratch(p, buffer_at(pass, &step->scratch), n);
	const struct qdense_kernel *kernel = p->kernel[pass->batch_class];
	const uint8_t *x = buffer_at(pass, &step->x);
	float *y = buffer_at(pass, &step->y);
	struct recurrent_rows rows = { .from_x_ld = p->all_steps ? (size_t)p->steps * wide : wide,
		.from_h = s.from_h,
		.state = s.state,
		.other = s.other,
		.y_ld = (size_t)p->steps * p->n_ways * p->h };

	recurrent_start(p->has_start[0] ? &p->start[0] : NULL, pass, w, p->h, s.state);
	if (p->has_cell)
		recurrent_start(p->has_start[1] ? &p->start[1] : NULL, pass, w, p->h, s.other);
	if (p->all_steps)
		kernel->run(&way->x, n * p->steps, x, NULL, s.from_x);
	for (uint32_t i = 0; i < p->steps; i++) {
		const uint32_t at = way->backwards ? p->steps - 1 - i : i;

		if (!p->all_steps) {
			copy__scalar(n, p->inputs, x + (size_t)at * p->inputs,
				(size_t)p->steps * p->inputs, s.x, p->inputs);
			kernel->run(&way->x, n, s.x, NULL, s.from_x);
		}
		rows.from_x = s.from_x + (p->all_steps ? (size_t)at * wide : 0);
		rows.y = p->has_y ? y + ((size_t)at * p->n_ways + w) * p->h : NULL;
		qrecurrent_multiply(p, &way->h, pass, &s, s.state, 0);
		if (p->splits) {
			p->reset(&way->gates, n, &rows);
			qrecurrent_multiply(p, &way->reset, pass, &s, s.other, 2);
		}
		p->gates(&way->gates, n, &rows);
	}
	if (step->has_y2)
		copy__scalar(n, p->h * sizeof(float), s.state, p->h * sizeof(float),
			(float *)buffer_at(pass, &step->y2) + (size_t)w * p->h,
			(size_t)p->n_ways * p->h * sizeof(float));
	if (step->has_y3)
		copy__scalar(n, p->h * sizeof(float), s.other, p->h * sizeof(float),
			(float *)buffer_at(pass, &step->y3) + (size_t)w * p->h,
			(size_t)p->n_ways * p->h * sizeof(float));
}

static void run_qrecurrent(const struct step *step, const struct pass *pass)
{
	const struct qrecurrent_step *p = step->params;

	for (uint32_t w = 0; w < p->n_ways; w++)
		qrecurrent_run_way(step, pass, w);
}

// --- Building ------------------------------------------------------------------------------------

// Packs columns `first` to `first + n` of weights [k][wide].
static int qrecurrent_pack(struct builder *builder, struct qdense *dense, uint32_t input,
	size_t way, uint32_t first, uint32_t n)
{
	const struct tensor *w = builder_input(builder, input);
	const size_t k = (size_t)w->dims[1], wide = (size_t)w->dims[2];
	const int32_t *b = builder_input(builder, input + 1)->data;
	const float *m = builder_input(builder, input + 2)->data;
	const int8_t *from = (const int8_t *)w->data + way * k * wide + first;
	void *packed = builder_weights(builder, qdense_packed_bytes((uint32_t)k, n));
	int8_t *columns = arena_lend(builder->plan->arena, k * n);

	if (!packed || !columns) {
		arena_give_back(builder->plan->arena, columns);
		return packed ? error_set(builder->err, -ENOMEM, "no memory for the weights")
			      : builder->err->code;
	}
	for (size_t i = 0; i < k; i++)
		memcpy(columns + i * n, from + i * wide, n);
	*dense = (struct qdense){ .k = (uint32_t)k, .n = n, .to = DTYPE_F32 };
	dense->x_signed = input == 4 || builder_input(builder, 0)->dtype == DTYPE_I8;
	qdense_pack(dense, packed, columns, b + way * wide + first, m + way * wide + first);
	dense->packed = packed;
	arena_give_back(builder->plan->arena, columns);
	return 0;
}

static int qrecurrent_make_way(struct builder *builder, struct qrecurrent_step *p, uint32_t w)
{
	struct qrecurrent_way *way = &p->ways[w];
	const uint32_t wide = p->n_gates * p->h, first = p->splits ? 2 * p->h : wide;
	int rc = qrecurrent_pack(builder, &way->x, 1, w, 0, wide);

	if (rc == 0)
		rc = qrecurrent_pack(builder, &way->h, 4, w, 0, first);
	if (rc == 0 && p->splits)
		rc = qrecurrent_pack(builder, &way->reset, 4, w, first, p->h);
	return rc;
}

static void qrecurrent_pick(struct qrecurrent_step *p, unsigned isa_mask, enum recurrent_cell cell)
{
	p->to_bytes = quantise_pick(isa_mask)->run;
	p->reset = gru_reset_pick(isa_mask)->run;
	if (cell == CELL_LSTM)
		p->gates = lstm_gates_pick(isa_mask)->run;
	else if (cell == CELL_RNN)
		p->gates = rnn_gates_pick(isa_mask)->run;
	else
		p->gates =
			p->splits ? gru_state_pick(isa_mask)->run : gru_gates_pick(isa_mask)->run;
}

static int qrecurrent_set_up(struct builder *builder, struct qrecurrent_step *p)
{
	const struct node *node = builder->node;
	const struct tensor *x = builder_input(builder, 0), *r = builder_input(builder, 4);
	const enum recurrent_cell cell = (enum recurrent_cell)node_int(node, ATTR_CELL, CELL_RNN);
	const int64_t direction = node_int(node, ATTR_DIRECTION, DIRECTION_FORWARD);
	const bool rows_first = node_int(node, ATTR_LAYOUT, 0) != 0;

	if (!builder_has_vectors(builder))
		return error_set(builder->err, -ENOTSUP, "no kernel of this form");
	p->steps = (uint32_t)x->dims[rows_first];
	p->inputs = (uint32_t)x->dims[2];
	p->n_ways = (uint32_t)r->dims[0];
	p->h = (uint32_t)r->dims[1];
	p->n_gates = (uint32_t)(r->dims[2] / r->dims[1]);
	p->has_y = node->outputs[0] != GRAPH_NONE;
	p->has_cell = cell == CELL_LSTM;
	p->splits = cell == CELL_GRU && node_int(node, ATTR_LINEAR_BEFORE_RESET, 0) == 0;
	p->all_steps = (size_t)p->steps * p->n_gates * p->h * sizeof(float) <= ALL_STEPS_BYTES;
	p->quantise =
		(struct quantise){ .scale = node_float(node, ATTR_ALPHA, 1), .is_signed = true };
	for (uint32_t w = 0; w < p->n_ways; w++) {
		p->ways[w].gates.h = p->h;
		p->ways[w].backwards = direction == DIRECTION_REVERSE || w == 1;
		if (!recurrent_activations(node, w, (uint32_t)cell + 1, &p->ways[w].gates))
			return error_set(builder->err, -ENOTSUP, "no kernel of this form");
	}
	for (uint32_t i = 0; i < 2; i++) {
		p->has_start[i] = builder_input(builder, 7 + i) != NULL;
		if (p->has_start[i])
			p->start[i] = builder_input_buffer(builder, 7 + i);
	}
	qrecurrent_pick(p, builder->plan->isa_mask, cell);
	return 0;
}

int build_qrecurrent(struct builder *builder)
{
	struct qrecurrent_step p = { 0 };
	struct step *step = builder->step;
	uint32_t wide;
	int rc = qrecurrent_set_up(builder, &p);

	for (uint32_t w = 0; w < p.n_ways && rc == 0; w++)
		rc = qrecurrent_make_way(builder, &p, w);
	if (rc == 0)
		rc = qdense_choose(builder, &p.ways[0].h, MODEL_BATCH_CLASS, p.kernel);
	if (rc != 0)
		return rc;
	wide = p.n_gates * p.h;
	builder->scratch_bytes = qrecurrent_floats(&p) * sizeof(float) + p.h + p.inputs;
	step->run = run_qrecurrent;
	step->x = builder_input_buffer(builder, 0);
	step->bytes_touched =
		(size_t)wide * (p.inputs + p.h + 8) * p.n_ways + builder->scratch_bytes;
	step->macs = (uint64_t)p.steps * p.n_ways * wide * (p.inputs + p.h);
	snprintf(step->shape, sizeof(step->shape),
		"%s %" PRIu32 " steps of %" PRIu32 " -> %" PRIu32 "%s",
		dtype_name(builder_input(builder, 0)->dtype), p.steps, p.inputs, p.h,
		p.n_ways > 1 ? " both ways" : "");
	return builder_finish(builder, &p, sizeof(p));
}
