// SPDX-License-Identifier: BSD-3-Clause
// Each layer keeps what it computed of a row at `steps + 1` places, so that places of all rows are one matrix with rows of
// one length. Of states place t is what step t begins with: 0 at the first one. Of gates it is what step t made, and the
// last one is empty: 0 once gradients stand there. A product over all places then adds up all steps of all rows.
#include "infer/learn/net/recurrent.h"

#include "base/random.h"
#include "infer/graph/arena.h"
#include "infer/import/build.h"
#include "infer/kernels/elementwise/activate.h"
#include "infer/learn/net/blas.h"
#include "infer/learn/net/loops.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static uint32_t recurrent_gates(const struct recurrent_net *recurrent)
{
	return recurrent->op == OP_LSTM ? 4 : 3;
}

static uint32_t recurrent_inputs(const struct recurrent_net *recurrent, uint32_t layer)
{
	return layer == 0 ? recurrent->n_in : recurrent->hidden[layer - 1];
}

int recurrent_check(const struct recurrent_net *recurrent, struct error *err)
{
	if (recurrent->steps < 1 || recurrent->n_in < 1)
		return error_set(err, -EINVAL, "a window has a time step at least");
	if (recurrent->n_layers < 1 || recurrent->n_layers > RECURRENT_LAYERS_MAX)
		return error_set(err, -EINVAL, "%" PRIu32 " recurrent layers, should be 1 to %d",
			recurrent->n_layers, RECURRENT_LAYERS_MAX);
	for (uint32_t l = 0; l < recurrent->n_layers; l++) {
		if (recurrent->hidden[l] < 1 || recurrent->hidden[l] > RECURRENT_HIDDEN_MAX)
			return error_set(err, -EINVAL,
				"a recurrent layer of %" PRIu32 " units, should be 1 to %d",
				recurrent->hidden[l], RECURRENT_HIDDEN_MAX);
	}
	if (recurrent_scratch(recurrent, 1) > RECURRENT_SCRATCH_MAX)
		return error_set(err, -EINVAL,
			"%" PRIu32
			" time steps through layers that wide take more than %zu MiB a row: "
			"choose fewer of either",
			recurrent->steps, RECURRENT_SCRATCH_MAX * sizeof(float) >> 20);
	return 0;
}

struct recurrent_params recurrent_params_of(const struct recurrent_net *recurrent, uint32_t layer)
{
	struct recurrent_params p = { 0 };
	const size_t gates = recurrent_gates(recurrent);

	for (uint32_t l = 0; l <= layer; l++) {
		const size_t h = recurrent->hidden[l];

		p.w = p.ends;
		p.r = p.w + gates * h * recurrent_inputs(recurrent, l);
		p.b = p.r + gates * h * h;
		p.own = p.b + gates * h;
		p.ends = p.own + (recurrent->op == OP_GRU ? h : 0);
	}
	return p;
}

size_t recurrent_n_params(const struct recurrent_net *recurrent)
{
	return recurrent_params_of(recurrent, recurrent->n_layers - 1).ends;
}

void recurrent_draw(const struct recurrent_net *recurrent, uint64_t seed, float *params)
{
	for (uint32_t l = 0; l < recurrent->n_layers; l++) {
		const struct recurrent_params p = recurrent_params_of(recurrent, l);
		const uint32_t h = recurrent->hidden[l];
		uint64_t random = random_start(seed, l);

		for (size_t i = p.w; i < p.ends; i++)
			params[i] = (float)((2 * random_double(&random) - 1) / sqrt(h));
		// Gates are i, o, f, c.
		for (uint32_t i = 0; i < h && recurrent->op == OP_LSTM; i++)
			params[p.b + 2 * h + i] += 1;
	}
}

// --- Scratch ---------------------------------------------------------------------------------------

// What one layer keeps of n rows; the first index is the place, steps + 1 of each row.
struct recurrent_layer {
	const struct recurrent_net *of;
	uint32_t n, h, inputs, gates;
	size_t places;
	const float *x;  // [][inputs] what goes in: of the layer below, its states one place on
	size_t x_places; // that there are of them
	float *state;    // [][h]
	float *made;     // [][gates * h] gates, then the gradients of their sums
	float *own;      // [][h] of a GRU the state's share of the third gate, then its gradient
	float *cell;     // [][h] of an LSTM
	float *bent;     // [][h] tanh of the cell that the step made
};

static size_t recurrent_layer_floats(const struct recurrent_net *recurrent, uint32_t layer)
{
	return (size_t)recurrent->hidden[layer] *
		(1 + recurrent_gates(recurrent) + (recurrent->op == OP_LSTM ? 2 : 1));
}

static uint32_t recurrent_widest(const struct recurrent_net *recurrent)
{
	uint32_t widest = 0;

	for (uint32_t l = 0; l < recurrent->n_layers; l++)
		widest = recurrent->hidden[l] > widest ? recurrent->hidden[l] : widest;
	return widest;
}

// Behind the layers: forwards the state's share of one step's gates, of which there are four at most; backwards the
// gradients of a state and of a cell, and at all places that of what a layer takes, which are two at least.
size_t recurrent_scratch(const struct recurrent_net *recurrent, uint32_t n_rows)
{
	const size_t places = (size_t)recurrent->steps + 1;
	const size_t widest = recurrent_widest(recurrent);
	size_t floats = recurrent->n_in;

	for (uint32_t l = 0; l < recurrent->n_layers; l++)
		floats += recurrent_layer_floats(recurrent, l);
	return n_rows * (places * (floats + widest) + 2 * widest);
}

// Room for the layers, one behind another; returns what follows them.
static float *recurrent_lay_out(const struct recurrent_net *recurrent, uint32_t n_rows,
	float *scratch, struct recurrent_layer *layers)
{
	const size_t places = n_rows * ((size_t)recurrent->steps + 1);
	float *at = scratch + places * recurrent->n_in;
	const float *x = scratch;
	size_t x_places = places;

	for (uint32_t l = 0; l < recurrent->n_layers; l++) {
		const size_t h = recurrent->hidden[l];
		struct recurrent_layer *layer = &layers[l];

		*layer = (struct recurrent_layer){ .of = recurrent,
			.n = n_rows,
			.h = recurrent->hidden[l],
			.inputs = recurrent_inputs(recurrent, l),
			.gates = recurrent_gates(recurrent),
			.places = places,
			.x = x,
			.x_places = x_places,
			.state = at,
			.made = at + places * h,
			.own = at + places * h * (1 + recurrent_gates(recurrent)) };
		layer->cell = layer->own;
		layer->bent = layer->own + places * h;
		at += places * recurrent_layer_floats(recurrent, l);
		x = layer->state + h;
		x_places = places - 1;
	}
	return at;
}

// --- Forwards --------------------------------------------------------------------------------------

static void recurrent_bend(enum activation kind, float *x, size_t count)
{
	const struct act act = { .kind = kind };

	activate_pick(isa_detected())->run(&act, count, x, x);
}

// Step t of a row: where its gates and its state before lie.
static size_t recurrent_place(const struct recurrent_layer *layer, uint32_t row, uint32_t t)
{
	return (size_t)row * (layer->of->steps + 1) + t;
}

// c = keep * c + in * new; state = out * tanh(c). `from_h`: [gates * h] the state's share.
static void recurrent_step_lstm(const struct recurrent_layer *layer, size_t at, const float *from_h)
{
	const uint32_t h = layer->h;
	float *gate = layer->made + at * 4 * h, *bent = layer->bent + at * h;
	const float *cell = layer->cell + at * h;
	float *next = layer->cell + (at + 1) * h, *state = layer->state + (at + 1) * h;

	for (uint32_t i = 0; i < 4 * h; i++)
		gate[i] += from_h[i];
	recurrent_bend(ACTIVATION_SIGMOID, gate, (size_t)3 * h);
	recurrent_bend(ACTIVATION_TANH, gate + 3 * h, h);
	for (uint32_t i = 0; i < h; i++)
		bent[i] = next[i] = gate[2 * h + i] * cell[i] + gate[i] * gate[3 * h + i];
	recurrent_bend(ACTIVATION_TANH, bent, h);
	for (uint32_t i = 0; i < h; i++)
		state[i] = gate[h + i] * bent[i];
}

// new = tanh(x's + r * state's); state = (1 - z) * new + z * state.
static void recurrent_step_gru(
	const struct recurrent_layer *layer, size_t at, const float *from_h, const float *bias)
{
	const uint32_t h = layer->h;
	float *gate = layer->made + at * 3 * h, *own = layer->own + at * h;
	const float *state = layer->state + at * h;
	float *next = layer->state + (at + 1) * h;

	for (uint32_t i = 0; i < 2 * h; i++)
		gate[i] += from_h[i];
	recurrent_bend(ACTIVATION_SIGMOID, gate, (size_t)2 * h);
	for (uint32_t i = 0; i < h; i++) {
		own[i] = from_h[2 * h + i] + bias[i];
		gate[2 * h + i] += gate[h + i] * own[i];
	}
	recurrent_bend(ACTIVATION_TANH, gate + 2 * h, h);
	for (uint32_t i = 0; i < h; i++)
		next[i] = (1 - gate[i]) * gate[2 * h + i] + gate[i] * state[i];
}

static void recurrent_layer_forward(const struct recurrent_layer *layer,
	const struct recurrent_params *at, const float *params, float *from_h)
{
	const uint32_t h = layer->h, steps = layer->of->steps;
	const uint32_t wide = layer->gates * h;

	for (size_t p = 0; p < layer->places; p++)
		memcpy(layer->made + p * wide, params + at->b, (size_t)wide * sizeof(float));
	blas_product((uint32_t)layer->x_places, wide, layer->inputs,
		(struct blas_matrix){ layer->x, layer->inputs, false },
		(struct blas_matrix){ params + at->w, layer->inputs, true }, true, layer->made);
	for (uint32_t r = 0; r < layer->n; r++) {
		memset(layer->state + recurrent_place(layer, r, 0) * h, 0, h * sizeof(float));
		if (layer->of->op == OP_LSTM)
			memset(layer->cell + recurrent_place(layer, r, 0) * h, 0,
				h * sizeof(float));
	}
	for (uint32_t t = 0; t < steps; t++) {
		blas_product(layer->n, wide, h,
			(struct blas_matrix){
				layer->state + (size_t)t * h, (steps + 1) * h, false },
			(struct blas_matrix){ params + at->r, h, true }, false, from_h);
		for (uint32_t r = 0; r < layer->n; r++) {
			const size_t place = recurrent_place(layer, r, t);

			if (layer->of->op == OP_LSTM)
				recurrent_step_lstm(layer, place, from_h + (size_t)r * wide);
			else
				recurrent_step_gru(
					layer, place, from_h + (size_t)r * wide, params + at->own);
		}
	}
}

// Rows at steps + 1 places each; the last place is 0.
static void recurrent_take(
	const struct recurrent_net *recurrent, const float *x, uint32_t n_rows, float *to)
{
	const size_t n = (size_t)recurrent->steps * recurrent->n_in;

	for (uint32_t r = 0; r < n_rows; r++) {
		memcpy(to, x + r * n, n * sizeof(*to));
		memset(to + n, 0, recurrent->n_in * sizeof(*to));
		to += n + recurrent->n_in;
	}
}

void recurrent_forward(const struct recurrent_net *recurrent, const float *params, const float *x,
	uint32_t n_rows, float *y, float *scratch)
{
	struct recurrent_layer layers[RECURRENT_LAYERS_MAX];
	float *from_h = recurrent_lay_out(recurrent, n_rows, scratch, layers);
	const struct recurrent_layer *last = &layers[recurrent->n_layers - 1];

	recurrent_take(recurrent, x, n_rows, scratch);
	for (uint32_t l = 0; l < recurrent->n_layers; l++) {
		const struct recurrent_params at = recurrent_params_of(recurrent, l);

		recurrent_layer_forward(&layers[l], &at, params, from_h);
	}
	for (uint32_t r = 0; r < n_rows; r++)
		memcpy(y + (size_t)r * last->h,
			last->state + recurrent_place(last, r, recurrent->steps) * last->h,
			last->h * sizeof(*y));
}

// --- Backwards -------------------------------------------------------------------------------------

// Of one row at one step, from the gradient of the state that the step made and, of an LSTM, of its cell: gates become the
// gradients of their sums; d_state what comes to the state before it without the products, d_cell to the cell.
static void recurrent_back_lstm(
	const struct recurrent_layer *layer, size_t at, float *d_state, float *d_cell)
{
	const uint32_t h = layer->h;
	float *gate = layer->made + at * 4 * h;
	const float *bent = layer->bent + at * h, *before = layer->cell + at * h;

	for (uint32_t i = 0; i < h; i++) {
		const float in = gate[i], out = gate[h + i], keep = gate[2 * h + i];
		const float new = gate[3 * h + i];
		const float cell = d_cell[i] + d_state[i] * out * (1 - bent[i] * bent[i]);

		gate[i] = cell * new *in *(1 - in);
		gate[h + i] = d_state[i] * bent[i] * out * (1 - out);
		gate[2 * h + i] = cell * before[i] * keep * (1 - keep);
		gate[3 * h + i] = cell * in * (1 - new *new);
		d_cell[i] = cell * keep;
		d_state[i] = 0;
	}
}

static void recurrent_back_gru(const struct recurrent_layer *layer, size_t at, float *d_state)
{
	const uint32_t h = layer->h;
	float *gate = layer->made + at * 3 * h, *own = layer->own + at * h;
	const float *before = layer->state + at * h;

	for (uint32_t i = 0; i < h; i++) {
		const float z = gate[i], reset = gate[h + i], new = gate[2 * h + i];
		const float sum = d_state[i] * (1 - z) * (1 - new *new);

		gate[i] = d_state[i] * (before[i] - new) * z * (1 - z);
		gate[h + i] = sum * own[i] * reset * (1 - reset);
		gate[2 * h + i] = sum;
		own[i] = sum * reset;
		d_state[i] *= z;
	}
}

// y += the gates' gradients of one step times R.
static void recurrent_back_products(
	const struct recurrent_layer *layer, const float *r, uint32_t t, float *d_state)
{
	const uint32_t h = layer->h, steps = layer->of->steps;
	const bool lstm = layer->of->op == OP_LSTM;
	const uint32_t wide = layer->gates * h, added = lstm ? wide : 2 * h;

	blas_product(layer->n, h, added,
		(struct blas_matrix){ layer->made + (size_t)t * wide, (steps + 1) * wide, false },
		(struct blas_matrix){ r, h, false }, true, d_state);
	if (!lstm)
		blas_product(layer->n, h, h,
			(struct blas_matrix){ layer->own + (size_t)t * h, (steps + 1) * h, false },
			(struct blas_matrix){ r + (size_t)added * h, h, false }, true, d_state);
}

// gradient [m][columns] = d' x over all places.
static void recurrent_add_up(size_t places, const float *d, uint32_t m, uint32_t ld, const float *x,
	uint32_t columns, float *gradient)
{
	blas_product(m, columns, (uint32_t)places, (struct blas_matrix){ d, ld, true },
		(struct blas_matrix){ x, columns, false }, false, gradient);
}

static void recurrent_layer_gradient(
	const struct recurrent_layer *layer, const struct recurrent_params *at, float *gradient)
{
	const uint32_t h = layer->h, wide = layer->gates * h;
	const bool lstm = layer->of->op == OP_LSTM;

	recurrent_add_up(layer->x_places, layer->made, wide, wide, layer->x, layer->inputs,
		gradient + at->w);
	recurrent_add_up(layer->places, layer->made, lstm ? wide : 2 * h, wide, layer->state, h,
		gradient + at->r);
	loop_columns((uint32_t)layer->places, wide, layer->made, false, gradient + at->b);
	if (lstm)
		return;
	recurrent_add_up(layer->places, layer->own, h, h, layer->state, h,
		gradient + at->r + (size_t)2 * h * h);
	loop_columns((uint32_t)layer->places, h, layer->own, false, gradient + at->own);
}

// What the layer above left at the places of its input, or NULL: then d_state is that of the last step.
static void recurrent_layer_backward(const struct recurrent_layer *layer,
	const struct recurrent_params *at, const float *params, const float *above, float *d_state,
	float *d_cell)
{
	const uint32_t h = layer->h, steps = layer->of->steps;

	memset(d_cell, 0, (size_t)layer->n * h * sizeof(*d_cell));
	for (uint32_t r = 0; r < layer->n; r++) {
		const size_t last = recurrent_place(layer, r, steps);

		memset(layer->made + last * layer->gates * h, 0,
			(size_t)layer->gates * h * sizeof(float));
		if (layer->of->op == OP_GRU)
			memset(layer->own + last * h, 0, h * sizeof(float));
	}
	for (uint32_t t = steps; t-- > 0;) {
		for (uint32_t r = 0; r < layer->n; r++) {
			const size_t place = recurrent_place(layer, r, t);
			float *d = d_state + (size_t)r * h;

			for (uint32_t i = 0; above && i < h; i++)
				d[i] += above[place * h + i];
			if (layer->of->op == OP_LSTM)
				recurrent_back_lstm(layer, place, d, d_cell + (size_t)r * h);
			else
				recurrent_back_gru(layer, place, d);
		}
		recurrent_back_products(layer, params + at->r, t, d_state);
	}
}

void recurrent_backward(const struct recurrent_net *recurrent, const float *params, const float *dy,
	uint32_t n_rows, float *gradient, float *scratch)
{
	struct recurrent_layer layers[RECURRENT_LAYERS_MAX];
	float *d_state = recurrent_lay_out(recurrent, n_rows, scratch, layers);
	float *d_cell = d_state + (size_t)n_rows * recurrent_widest(recurrent);
	float *below = d_cell + (size_t)n_rows * recurrent_widest(recurrent);
	const float *above = NULL;

	for (uint32_t l = recurrent->n_layers; l-- > 0;) {
		const struct recurrent_params at = recurrent_params_of(recurrent, l);
		const struct recurrent_layer *layer = &layers[l];
		const uint32_t h = layer->h, wide = layer->gates * h;

		if (above)
			memset(d_state, 0, (size_t)n_rows * h * sizeof(*d_state));
		else
			memcpy(d_state, dy, (size_t)n_rows * h * sizeof(*d_state));
		recurrent_layer_backward(layer, &at, params, above, d_state, d_cell);
		recurrent_layer_gradient(layer, &at, gradient);
		if (l == 0)
			break;
		blas_product((uint32_t)layer->places, layer->inputs, wide,
			(struct blas_matrix){ layer->made, wide, false },
			(struct blas_matrix){ params + at.w, layer->inputs, false }, false, below);
		above = below;
	}
}

// --- Into a graph ----------------------------------------------------------------------------------

// W, R and B of a layer. False: err is filled.
static bool recurrent_emit_weights(const struct recurrent_net *recurrent, uint32_t layer,
	const float *params, struct graph *graph, uint32_t inputs[4], struct error *err)
{
	const struct recurrent_params at = recurrent_params_of(recurrent, layer);
	const int64_t h = recurrent->hidden[layer], gates = recurrent_gates(recurrent);
	const int64_t w_dims[3] = { 1, gates * h, recurrent_inputs(recurrent, layer) };
	const int64_t r_dims[3] = { 1, gates * h, h }, b_dims[2] = { 1, 2 * gates * h };
	float *w, *r, *b;

	inputs[1] = build_constant(graph, 3, w_dims, &w, err);
	if (inputs[1] == GRAPH_NONE)
		return false;
	inputs[2] = build_constant(graph, 3, r_dims, &r, err);
	if (inputs[2] == GRAPH_NONE)
		return false;
	inputs[3] = build_constant(graph, 2, b_dims, &b, err);
	if (inputs[3] == GRAPH_NONE)
		return false;
	memcpy(w, params + at.w, (at.r - at.w) * sizeof(*w));
	memcpy(r, params + at.r, (at.b - at.r) * sizeof(*r));
	memcpy(b, params + at.b, (at.own - at.b) * sizeof(*b));
	memcpy(b + b_dims[1] - (at.ends - at.own), params + at.own,
		(at.ends - at.own) * sizeof(*b));
	return true;
}

static int recurrent_set_attrs(struct graph *graph, struct node *node)
{
	static const int64_t FUNCTIONS[3] = { RECURRENT_SIGMOID, RECURRENT_TANH, RECURRENT_TANH };
	static const float NONE[3];
	const uint32_t n = node->op == OP_LSTM ? 3 : 2;

	return node_set_ints(graph, node, ATTR_ACTIVATIONS, n, FUNCTIONS) != 0 ||
			node_set_floats(graph, node, ATTR_ALPHAS, n, NONE) != 0 ||
			node_set_floats(graph, node, ATTR_BETAS, n, NONE) != 0 ||
			node_set_int(graph, node, ATTR_DIRECTION, DIRECTION_FORWARD) != 0 ||
			(node->op == OP_GRU &&
				node_set_int(graph, node, ATTR_LINEAR_BEFORE_RESET, 1) != 0)
		? -ENOMEM
		: 0;
}

// The layer's node, of f32 [steps, 1, inputs]. Its output: of the last layer the last state, [1, 1, h]; of others all
// of them, [steps, 1, 1, h].
static uint32_t recurrent_emit_layer(const struct recurrent_net *recurrent, uint32_t layer,
	const uint32_t inputs[4], struct graph *graph, struct error *err)
{
	const bool lstm = recurrent->op == OP_LSTM, last = layer + 1 == recurrent->n_layers;
	const int64_t h = recurrent->hidden[layer];
	const int64_t all[4] = { recurrent->steps, 1, 1, h }, one[3] = { 1, 1, h };
	static const char *const WHICH[3] = { "all", "state", "cell" };
	uint32_t outputs[3], node;
	char name[32];
	const char *own;

	for (uint32_t o = 0; o < 3; o++) {
		snprintf(name, sizeof(name), "%s_%" PRIu32 ".%s", lstm ? "lstm" : "gru", layer + 1,
			WHICH[o]);
		own = arena_strdup(graph->arena, name);
		if (!own) {
			error_set(err, -ENOMEM, "out of memory for the model");
			return GRAPH_NONE;
		}
		outputs[o] = o < 2 || lstm ? graph_add_tensor(graph, own, DTYPE_F32, o == 0 ? 4 : 3,
						     o == 0 ? all : one, NULL, err)
					   : 0;
		if (outputs[o] == GRAPH_NONE)
			return GRAPH_NONE;
	}
	node = graph_add_node(graph, recurrent->op, graph->tensors[outputs[0]].name, 4, inputs,
		lstm ? 3 : 2, outputs, err);
	if (node == GRAPH_NONE)
		return GRAPH_NONE;
	if (recurrent_set_attrs(graph, &graph->nodes[node]) != 0) {
		error_set(err, -ENOMEM, "out of memory for the model");
		return GRAPH_NONE;
	}
	return outputs[last];
}

uint32_t recurrent_emit(const struct recurrent_net *recurrent, const float *params,
	struct graph *graph, uint32_t input, struct error *err)
{
	uint32_t tensor = input;

	for (uint32_t l = 0; l < recurrent->n_layers && tensor != GRAPH_NONE; l++) {
		const int64_t dims[3] = { recurrent->steps, 1, recurrent_inputs(recurrent, l) };
		uint32_t inputs[4] = { build_reshaped(graph, tensor, 3, dims, err) };

		if (inputs[0] == GRAPH_NONE ||
			!recurrent_emit_weights(recurrent, l, params, graph, inputs, err))
			return GRAPH_NONE;
		tensor = recurrent_emit_layer(recurrent, l, inputs, graph, err);
	}
	if (tensor == GRAPH_NONE)
		return GRAPH_NONE;
	return build_reshaped(graph, tensor, 2,
		(int64_t[]){ 1, recurrent->hidden[recurrent->n_layers - 1] }, err);
}
