// SPDX-License-Identifier: BSD-3-Clause
// RNN, GRU and LSTM on each ISA against the plain forms, which are all that the scalar set has for
// them. Forms without kernels are drawn, too: they must find their way there.
#include "tests/cmocka.h"
#include "tests/unit/network_check.h"

static const enum op OPS[] = { OP_RNN, OP_GRU, OP_LSTM };

struct layer {
	enum op op;
	int64_t steps, batch, inputs, h, ways, gates;
	bool rows_first;
};

static struct layer draw(unsigned *seed)
{
	struct layer layer = { .op = OPS[network_below(seed, 3)],
		.steps = 1 + network_below(seed, 9),
		.batch = network_below(seed, 8) == 0 ? 2 : 1,
		.inputs = 1 + network_below(seed, 20),
		.h = 1 + network_below(seed, 40),
		.ways = 1 + network_below(seed, 2),
		.rows_first = network_below(seed, 4) == 0 };

	layer.gates = layer.op == OP_LSTM ? 4 : layer.op == OP_GRU ? 3 : 1;
	return layer;
}

static void set_activations(
	struct graph *graph, struct node *node, const struct layer *layer, unsigned *seed)
{
	static const int64_t USUAL[3] = { RECURRENT_SIGMOID, RECURRENT_TANH, RECURRENT_TANH };
	// Gates beyond 1 let every rounding grow with the steps.
	static const int64_t BOUNDED[5] = { RECURRENT_TANH, RECURRENT_SIGMOID,
		RECURRENT_HARD_SIGMOID, RECURRENT_SOFTSIGN, RECURRENT_SCALED_TANH };
	const uint32_t each = layer->op == OP_LSTM ? 3 : layer->op == OP_GRU ? 2 : 1;
	const bool usual = network_below(seed, 3) > 0;
	int64_t kinds[6];
	float alphas[6], betas[6];

	for (uint32_t i = 0; i < each * layer->ways; i++) {
		kinds[i] = layer->op == OP_RNN ? RECURRENT_TANH : USUAL[i % each];
		if (!usual && layer->op == OP_RNN)
			kinds[i] = network_below(seed, RECURRENT_COUNT);
		else if (!usual)
			kinds[i] = BOUNDED[network_below(seed, 5)];
		alphas[i] = 0.3f;
		betas[i] = 0.5f;
	}
	node_set_ints(graph, node, ATTR_ACTIVATIONS, each * (uint32_t)layer->ways, kinds);
	node_set_floats(graph, node, ATTR_ALPHAS, each * (uint32_t)layer->ways, alphas);
	node_set_floats(graph, node, ATTR_BETAS, each * (uint32_t)layer->ways, betas);
}

static void set_attributes(
	struct graph *graph, struct node *node, const struct layer *layer, unsigned *seed)
{
	set_activations(graph, node, layer, seed);
	node_set_int(graph, node, ATTR_LAYOUT, layer->rows_first);
	if (layer->ways == 2)
		node_set_int(graph, node, ATTR_DIRECTION, DIRECTION_BOTH);
	else
		node_set_int(graph, node, ATTR_DIRECTION, network_below(seed, 2));
	if (layer->op == OP_GRU)
		node_set_int(graph, node, ATTR_LINEAR_BEFORE_RESET, network_below(seed, 2));
	if (network_below(seed, 8) == 0)
		node_set_float(graph, node, ATTR_CLIP, 0.4f);
}

// W, R and what may be left out: B, initial states; P of LSTM now and then.
static void make_inputs(
	struct graph *graph, const struct layer *l, uint32_t inputs[8], unsigned *seed)
{
	const int64_t rows = l->gates * l->h;
	const int64_t w[3] = { l->ways, rows, l->inputs }, r[3] = { l->ways, rows, l->h };
	const int64_t b[2] = { l->ways, 2 * rows }, p[2] = { l->ways, 3 * l->h };
	const int64_t state[3] = { l->rows_first ? l->batch : l->ways,
		l->rows_first ? l->ways : l->batch, l->h };

	for (uint32_t i = 3; i < 8; i++)
		inputs[i] = GRAPH_NONE;
	inputs[1] = graph_f32_constant(graph, network_name(graph), 3, w, *seed);
	inputs[2] = graph_f32_constant(graph, network_name(graph), 3, r, *seed + 1);
	if (network_below(seed, 3) > 0)
		inputs[3] = graph_f32_constant(graph, network_name(graph), 2, b, *seed);
	if (network_below(seed, 3) == 0)
		inputs[5] = graph_f32_constant(graph, network_name(graph), 3, state, *seed);
	if (l->op == OP_LSTM && network_below(seed, 3) == 0)
		inputs[6] = graph_f32_constant(graph, network_name(graph), 3, state, *seed + 1);
	if (l->op == OP_LSTM && network_below(seed, 6) == 0)
		inputs[7] = graph_f32_constant(graph, network_name(graph), 2, p, *seed);
}

// All outputs, as one row.
static uint32_t concatenated(
	struct graph *graph, uint32_t node, uint32_t outputs, const struct layer *layer)
{
	uint32_t parts[3];
	struct node *concat;

	for (uint32_t o = 0; o < outputs; o++)
		parts[o] = network_output(graph, &graph->nodes[node], o);
	for (uint32_t o = 0; o < outputs; o++) {
		const int64_t row[2] = { 1, tensor_elements(&graph->tensors[parts[o]]) };
		struct node *view = network_node(graph, OP_RESHAPE, 1, &parts[o]);

		node_set_ints(graph, view, ATTR_SHAPE, 2, row);
		parts[o] = network_output(graph, view, 0);
	}
	concat = network_node(graph, OP_CONCAT, outputs, parts);
	node_set_int(graph, concat, ATTR_AXIS, 1);
	return network_output(graph, concat, 0);
}

static void layers_agree_with_the_plain_forms(void **state)
{
	for (unsigned i = 0; i < 250; i++) {
		unsigned seed = i * 7919 + 5;
		const struct layer l = draw(&seed);
		const int64_t dims[3] = { l.rows_first ? l.batch : l.steps,
			l.rows_first ? l.steps : l.batch, l.inputs };
		struct graph *graph = graph_create();
		uint32_t inputs[8], at;

		inputs[0] = graph_f32(graph, "x", 3, dims);
		make_inputs(graph, &l, inputs, &seed);
		set_attributes(graph, network_node(graph, l.op, l.op == OP_LSTM ? 8 : 6, inputs),
			&l, &seed);
		at = concatenated(graph, graph->n_nodes - 1, l.op == OP_LSTM ? 3 : 2, &l);
		graph_finish(graph, inputs[0], at);
		network_check(graph, l.op == OP_RNN ? 1e-4 : 2e-5, i); // Relu's states grow
		graph_destroy(graph);
	}
}

// The inputs' shares of so long a sequence are not kept: each step computes its own.
static void sequence_too_long_to_keep(void **state)
{
	struct layer l = { OP_GRU, 3000, 1, 3, 8, 2, 3, false };
	struct graph *graph = graph_create();
	uint32_t inputs[8];
	unsigned seed = 1;
	struct node *node;

	inputs[0] = graph_f32(graph, "x", 3, (int64_t[]){ l.steps, 1, l.inputs });
	make_inputs(graph, &l, inputs, &seed);
	node = network_node(graph, OP_GRU, 4, inputs);
	set_activations(graph, node, &l, &seed);
	node_set_int(graph, node, ATTR_DIRECTION, DIRECTION_BOTH);
	network_output(graph, node, 0);
	network_output(graph, &graph->nodes[0], 1);
	graph_finish(graph, inputs[0], graph->nodes[0].outputs[1]);
	network_check(graph, 2e-5, 0);
	graph_destroy(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layers_agree_with_the_plain_forms),
		cmocka_unit_test(sequence_too_long_to_keep),
	};

	return cmocka_run_group_tests_name("recurrent", tests, NULL, NULL);
}
