// SPDX-License-Identifier: BSD-3-Clause
// RNN, GRU and LSTM of one sequence a row. The inputs' share of the gates is one product for all
// time steps of a row, or for all rows at one time step; the state's share is one product a time
// step for all rows of the pass. The gates are computed by vectors. Layers with sequence lengths,
// peepholes, a clip or other activations take their plain form.
#include "infer/plan/steps/recurrent.h"
#include "infer/graph/act.h"
#include "infer/graph/arena.h"
#include "infer/kernels/move/copy.h"
#include "infer/kernels/move/transpose.h"
#include "infer/kernels/product/dense.h"
#include "infer/kernels/recurrent/recurrent_gates.h"
#include "infer/plan/choose/choose.h"
#include "infer/plan/choose/dense.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_NS       5000.0
#define VALUES_MAX      (1u << 20) // that the rows to time with take
#define WAYS_MAX        2
#define ALL_STEPS_BYTES ((size_t)256 << 10) // most scratch for the products of a row's inputs
#define ALL_STEPS_ROWS  8 // from here on one time step of all rows fills a product

// x[m][k] * w[k][n] + b[n]
struct recurrent_product {
	struct dense_choice choice[MODEL_BATCH_CLASSES];
};

struct recurrent_way {
	struct recurrent_product x, h;
	struct recurrent_product reset; // of GRU's third gate, without linear_before_reset
	struct recurrent_gates gates;
	bool backwards;
};

struct recurrent_step {
	struct recurrent_way ways[WAYS_MAX];
	uint32_t n_ways, steps, inputs, h, n_gates;
	bool has_y, has_cell, splits, all_steps;
	bool has_start[2];      // initial states, cells
	struct buffer start[2]; // [ways][h] a row
	recurrent_gates_fn *gates[MODEL_BATCH_CLASSES];
	recurrent_gates_fn *reset[MODEL_BATCH_CLASSES]; // where `splits`
};

static void recurrent_multiply(const struct recurrent_product *p, const struct pass *pass,
	uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const struct dense_choice *choice = &p->choice[pass->batch_class];

	choice->run(&choice->dense, m, x, ldx, y, ldy);
}

void recurrent_start(
	const struct buffer *start, const struct pass *pass, uint32_t way, uint32_t h, float *state)
{
	const size_t bytes = h * sizeof(*state);

	if (start)
		copy__scalar(pass->n, bytes, (const char *)buffer_at(pass, start) + way * bytes,
			start->row_bytes, state, bytes);
	else
		memset(state, 0, pass->n * bytes);
}

// The last states or cells of one way, to [rows][ways][h].
static void recurrent_finish(
	const struct recurrent_step *p, uint32_t rows, uint32_t way, const float *state, float *y)
{
	const size_t bytes = p->h * sizeof(*state);

	copy__scalar(rows, bytes, state, bytes, y + (size_t)way * p->h, p->n_ways * bytes);
}

static void recurrent_time_step(const struct recurrent_step *p, const struct recurrent_way *way,
	const struct pass *pass, const struct recurrent_rows *rows)
{
	const uint32_t n = pass->n, h = p->h, wide = p->n_gates * h;

	recurrent_multiply(&way->h, pass, n, rows->state, h, rows->from_h, wide);
	if (p->splits) {
		p->reset[pass->batch_class](&way->gates, n, rows);
		recurrent_multiply(
			&way->reset, pass, n, rows->other, h, rows->from_h + 2 * h, wide);
	}
	p->gates[pass->batch_class](&way->gates, n, rows);
}

static void recurrent_run_way(const struct step *step, const struct pass *pass, uint32_t w)
{
	const struct recurrent_step *p = step->params;
	const struct recurrent_way *way = &p->ways[w];
	const uint32_t n = pass->n, wide = p->n_gates * p->h;
	const bool all = p->all_steps && n < ALL_STEPS_ROWS;
	const float *x = buffer_at(pass, &step->x);
	float *y = buffer_at(pass, &step->y), *from_x = buffer_at(pass, &step->scratch);
	struct recurrent_rows rows = { .from_x_ld = all ? (size_t)p->steps * wide : wide,
		.y_ld = (size_t)p->steps * p->n_ways * p->h };

	rows.from_h = from_x + (size_t)n * (p->all_steps ? p->steps : 1) * wide;
	rows.state = rows.from_h + (size_t)n * wide;
	rows.other = rows.state + (size_t)n * p->h;
	recurrent_start(p->has_start[0] ? &p->start[0] : NULL, pass, w, p->h, rows.state);
	if (p->has_cell)
		recurrent_start(p->has_start[1] ? &p->start[1] : NULL, pass, w, p->h, rows.other);
	if (all)
		recurrent_multiply(&way->x, pass, n * p->steps, x, p->inputs, from_x, wide);
	for (uint32_t s = 0; s < p->steps; s++) {
		const uint32_t at = way->backwards ? p->steps - 1 - s : s;

		if (!all)
			recurrent_multiply(&way->x, pass, n, x + (size_t)at * p->inputs,
				(size_t)p->steps * p->inputs, from_x, wide);
		rows.from_x = from_x + (all ? (size_t)at * wide : 0);
		rows.y = p->has_y ? y + ((size_t)at * p->n_ways + w) * p->h : NULL;
		recurrent_time_step(p, way, pass, &rows);
	}
	if (step->has_y2)
		recurrent_finish(p, n, w, rows.state, buffer_at(pass, &step->y2));
	if (step->has_y3)
		recurrent_finish(p, n, w, rows.other, buffer_at(pass, &step->y3));
}

static void run_recurrent(const struct step *step, const struct pass *pass)
{
	const struct recurrent_step *p = step->params;

	for (uint32_t w = 0; w < p->n_ways; w++)
		recurrent_run_way(step, pass, w);
}

// --- Building ------------------------------------------------------------------------------------

// w [n][k], as ONNX has it, is transposed and packed for each batch class. `rows`: of one call of
// the product for each row of the pass.
static int recurrent_make_product(struct builder *builder, struct recurrent_product *product,
	const float *w, const float *b, uint32_t k, uint32_t n, uint32_t rows)
{
	const struct dense_kernel *packed_by[MODEL_BATCH_CLASSES];
	const struct transpose transpose = transpose_of_matrix(n, k, sizeof(*w));
	float *transposed = arena_lend(builder->plan->arena, (size_t)k * n * sizeof(*w));
	int rc = transposed ? 0 : error_set(builder->err, -ENOMEM, "no memory for the weights");

	if (transposed)
		transpose__scalar(&transpose, 1, w, 0, transposed);
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES && rc == 0; c++) {
		const struct dense_kernel *kernel = packed_by[c] = dense_pick(
			builder->plan->isa_mask,
			MODEL_BATCH_CLASS[builder->exact ? MODEL_BATCH_CLASSES - 1 : c] * rows, k,
			n);
		struct dense_choice *choice = &product->choice[c];
		void *packed = NULL;

		*choice = (struct dense_choice){
			{ .k = k, .n = n, .act = act_defaults(ACTIVATION_NONE) }, kernel->run
		};
		for (uint32_t before = 0; before < c && !choice->dense.packed; before++)
			if (packed_by[before]->pack == kernel->pack)
				choice->dense.packed = product->choice[before].dense.packed;
		if (choice->dense.packed)
			continue;
		choice->dense.packed = packed =
			builder_weights(builder, kernel->packed_bytes(k, n));
		if (packed)
			kernel->pack(packed, transposed, b, k, n);
		else
			rc = builder->err->code;
	}
	arena_give_back(builder->plan->arena, transposed);
	return rc;
}

bool recurrent_activations(
	const struct node *node, uint32_t way, uint32_t n, struct recurrent_gates *gates)
{
	for (uint32_t i = 0; i < n; i++) {
		gates->f[i] = act_of_gate(node, way * n + i);
		if (gates->f[i].kind >= ACTIVATION_COUNT)
			return false;
	}
	return true;
}

// ONNX's two biases of a gate as one for the product of the inputs and one for that of the state.
// Where they just add up, the former has the sum; GRU's third gate with linear_before_reset scales
// the state's share in between, bias included.
static void recurrent_split_bias(
	const struct recurrent_step *p, const float *both, float *x, float *h)
{
	const uint32_t wide = p->n_gates * p->h;

	for (uint32_t i = 0; i < wide; i++) {
		const bool scaled = p->n_gates == 3 && !p->splits && i >= 2 * p->h;

		x[i] = both ? both[i] : 0;
		h[i] = 0;
		if (both && scaled)
			h[i] = both[wide + i];
		else if (both)
			x[i] += both[wide + i];
	}
}

static int recurrent_make_way(struct builder *builder, struct recurrent_step *p, uint32_t w)
{
	const uint32_t wide = p->n_gates * p->h, first = p->splits ? 2 * p->h : wide;
	const struct tensor *b = builder_input(builder, 3);
	const float *wx = (const float *)builder_input(builder, 1)->data;
	const float *wh = (const float *)builder_input(builder, 2)->data;
	float *bias = arena_lend(builder->plan->arena, 2 * (size_t)wide * sizeof(*bias));
	struct recurrent_way *way = &p->ways[w];
	int rc;

	if (!bias)
		return error_set(builder->err, -ENOMEM, "no memory for the weights");
	wx += (size_t)w * wide * p->inputs;
	wh += (size_t)w * wide * p->h;
	recurrent_split_bias(
		p, b ? (const float *)b->data + (size_t)w * 2 * wide : NULL, bias, bias + wide);
	rc = recurrent_make_product(
		builder, &way->x, wx, bias, p->inputs, wide, p->all_steps ? p->steps : 1);
	if (rc == 0)
		rc = recurrent_make_product(builder, &way->h, wh, bias + wide, p->h, first, 1);
	if (rc == 0 && p->splits)
		rc = recurrent_make_product(
			builder, &way->reset, wh + (size_t)first * p->h, NULL, p->h, p->h, 1);
	arena_give_back(builder->plan->arena, bias);
	return rc;
}

static int recurrent_refuse(struct builder *builder)
{
	return error_set(builder->err, -ENOTSUP, "no kernel of this form");
}

static int recurrent_step_set_up(struct builder *builder, struct recurrent_step *p)
{
	const struct node *node = builder->node;
	const struct tensor *x = builder_input(builder, 0), *r = builder_input(builder, 2);
	const struct tensor *b = builder_input(builder, 3);
	const int64_t direction = node_int(node, ATTR_DIRECTION, DIRECTION_FORWARD);
	const uint32_t functions = node->op == OP_LSTM ? 3 : node->op == OP_GRU ? 2 : 1;
	const bool rows_first = node_int(node, ATTR_LAYOUT, 0) != 0;

	if (!builder_has_vectors(builder) || x->dims[!rows_first] != 1 ||
		!builder_input(builder, 1)->data || !r->data || (b && !b->data) ||
		builder_input(builder, 4) || builder_input(builder, 7) ||
		node_float(node, ATTR_CLIP, 0) > 0 || node_int(node, ATTR_INPUT_FORGET, 0) != 0)
		return recurrent_refuse(builder);
	p->steps = (uint32_t)x->dims[rows_first];
	p->inputs = (uint32_t)x->dims[2];
	p->h = (uint32_t)r->dims[2];
	p->n_ways = (uint32_t)r->dims[0];
	p->n_gates = (uint32_t)(r->dims[1] / r->dims[2]);
	p->has_y = node->outputs[0] != GRAPH_NONE;
	p->has_cell = node->op == OP_LSTM;
	p->splits = node->op == OP_GRU && node_int(node, ATTR_LINEAR_BEFORE_RESET, 0) == 0;
	p->all_steps = (size_t)p->steps * p->n_gates * p->h * sizeof(float) <= ALL_STEPS_BYTES;
	for (uint32_t w = 0; w < p->n_ways; w++) {
		p->ways[w].gates.h = p->h;
		p->ways[w].backwards = direction == DIRECTION_REVERSE || w == 1;
		if (!recurrent_activations(node, w, functions, &p->ways[w].gates))
			return recurrent_refuse(builder);
	}
	for (uint32_t i = 0; i < 2; i++) {
		p->has_start[i] = builder_input(builder, 5 + i) != NULL;
		if (p->has_start[i])
			p->start[i] = builder_input_buffer(builder, 5 + i);
	}
	return 0;
}

// The inputs and outputs that kernels of gates are timed over.
struct recurrent_trial {
	const struct recurrent_step *step;
	uint32_t rows; // that there is memory for
	float *values;
	struct recurrent_rows of;
};

static int recurrent_trial_ready(void *context)
{
	struct recurrent_trial *trial = context;
	const size_t h = trial->step->h, wide = trial->step->n_gates * h, rows = trial->rows;

	trial->values = calloc(2 * rows * (wide + h), sizeof(float));
	if (!trial->values)
		return -ENOMEM;
	trial->of.from_x = trial->values;
	trial->of.from_x_ld = wide;
	trial->of.from_h = trial->values + rows * wide;
	trial->of.state = trial->of.from_h + rows * wide;
	trial->of.other = trial->of.state + rows * h;
	return 0;
}

static void recurrent_trial_call(
	void *context, const void *kernel, const void *packed, uint32_t rows)
{
	const struct recurrent_trial *trial = context;

	// The entries of all tables of gates are alike.
	((const struct lstm_gates_kernel *)kernel)
		->run(&trial->step->ways[0].gates, rows, &trial->of);
}

static const struct kernel_table *recurrent_table(enum op op, bool splits)
{
	if (op == OP_LSTM)
		return &LSTM_GATES_TABLE;
	if (op == OP_RNN)
		return &RNN_GATES_TABLE;
	return splits ? &GRU_STATE_TABLE : &GRU_GATES_TABLE;
}

static int recurrent_choose(struct builder *builder, struct recurrent_step *p)
{
	const uint32_t most = VALUES_MAX / (p->n_gates * p->h);
	struct recurrent_trial trial = { .step = p };
	struct contest contest = { .table = recurrent_table(builder->node->op, p->splits),
		.sample_ns = SAMPLE_NS,
		.context = &trial,
		.ready = recurrent_trial_ready,
		.call = recurrent_trial_call,
		.order = choose_order_of_isa };
	struct chosen chosen[MODEL_BATCH_CLASSES];
	int rc;

	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++) {
		const uint32_t rows = MODEL_BATCH_CLASS[c];

		contest.rows[c] = rows <= most ? rows : most ? most : 1;
		trial.rows = contest.rows[c];
	}
	rc = choose(builder, builder->step, &contest, chosen);
	free(trial.values);
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES && rc == 0; c++) {
		const struct lstm_gates_kernel *kernel = chosen[c].kernel;

		p->gates[c] = kernel->run;
		// The other half of a GRU in the same instruction set.
		p->reset[c] = gru_reset_pick(kernel->isa)->run;
	}
	return rc;
}

int build_recurrent(struct builder *builder)
{
	struct recurrent_step p = { 0 };
	struct step *step = builder->step;
	size_t wide;
	int rc = recurrent_step_set_up(builder, &p);

	for (uint32_t w = 0; w < p.n_ways && rc == 0; w++)
		rc = recurrent_make_way(builder, &p, w);
	if (rc != 0)
		return rc;
	wide = (size_t)p.n_gates * p.h;
	rc = recurrent_choose(builder, &p);
	if (rc != 0)
		return rc;
	builder->scratch_bytes =
		((p.all_steps ? p.steps : 1) * wide + wide + 2 * (size_t)p.h) * sizeof(float);
	step->run = run_recurrent;
	step->x = builder_input_buffer(builder, 0);
	step->bytes_touched =
		wide * (p.inputs + p.h + 1) * p.n_ways * sizeof(float) + builder->scratch_bytes;
	step->macs = (uint64_t)p.steps * p.n_ways * wide * (p.inputs + p.h);
	snprintf(step->shape, sizeof(step->shape),
		"%" PRIu32 " steps of %" PRIu32 " -> %" PRIu32 "%s", p.steps, p.inputs, p.h,
		p.n_ways > 1 ? " both ways" : "");
	return builder_finish(builder, &p, sizeof(p));
}
