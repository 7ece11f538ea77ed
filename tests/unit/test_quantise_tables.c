// SPDX-License-Identifier: BSD-3-Clause
// Functions between layers of 8 bits: near what they are in floats, as tables where both sides are bytes, and the same
// scores by every instruction set.
#include "infer/compile/passes/activations.h"
#include "infer/compile/passes/pointwise.h"
#include "infer/compile/passes/quantise_layers.h"
#include "infer/compile/values.h"
#include "infer/ops/check.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"
#include "tests/unit/network_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 200

struct made {
	struct graph *whole, *graph, *quantised; // the second has activations of its own
	struct ranges ranges;
	struct quantise_layers layers;
	float *rows;
};

// Takes over the graph. Of every second feature the values are `apart` times as large.
static struct made calibrated_apart(struct graph *graph, float size, float apart)
{
	struct made m = { .whole = graph };
	struct error err;
	uint8_t *wanted;
	unsigned seed = 7;

	m.rows = malloc(ROWS * graph->n_features * sizeof(float));
	assert_non_null(m.rows);
	for (size_t i = 0; i < (size_t)ROWS * graph->n_features; i++)
		m.rows[i] = size * graph_random(&seed) * (i % graph->n_features % 2 ? apart : 1);
	assert_int_equal(graph_check(graph, &err), 0);
	assert_int_equal(pass_split_activations(graph, &m.graph, &err), 0);
	assert_int_equal(graph_check(m.graph, &err), 0);
	wanted = calloc(m.graph->n_tensors + 1, sizeof(*wanted));
	assert_non_null(wanted);
	assert_int_equal(quantise_find_layers(m.graph, &m.layers, &err), 0);
	quantise_wanted(m.graph, &m.layers, wanted);
	assert_int_equal(ranges_collect(&m.ranges, m.graph, m.rows, ROWS, wanted, true, &err), 0);
	free(wanted);
	return m;
}

static struct made calibrated(struct graph *graph, float size)
{
	return calibrated_apart(graph, size, 1);
}

static void quantise(struct made *m, const struct quantise_options *options)
{
	struct error err = { .text = "" };

	graph_destroy(m->quantised);
	if (quantise_layers(m->graph, &m->ranges, options, &m->layers, &m->quantised, &err) != 0)
		fail_msg("%s", err.text);
}

static void forget(struct made *m)
{
	graph_destroy(m->quantised);
	ranges_fini(&m->ranges);
	graph_destroy(m->graph);
	graph_destroy(m->whole);
	free(m->layers.of);
	free(m->rows);
}

static uint32_t count(const struct graph *graph, enum op op)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < graph->n_nodes; i++)
		n += graph->nodes[i].op == op;
	return n;
}

static const struct node *first(const struct graph *graph, enum op op)
{
	for (uint32_t i = 0; i < graph->n_nodes; i++) {
		if (graph->nodes[i].op == op)
			return &graph->nodes[i];
	}
	fail_msg("no node of that operator");
	return NULL;
}

// The error of the scores beside their size, as root mean squares.
static double off(const struct made *m, const struct graph *other)
{
	struct graph_values a, b;
	struct error err;
	double error = 0, size = 0;
	const uint32_t t = m->whole->outputs[0].tensor, u = other->outputs[0].tensor;

	assert_int_equal(graph_values_init(&a, m->whole, ROWS, &err), 0);
	assert_int_equal(graph_values_init(&b, other, ROWS, &err), 0);
	assert_int_equal(graph_values_run(&a, m->rows, ROWS, &err), 0);
	assert_int_equal(graph_values_run(&b, m->rows, ROWS, &err), 0);
	for (size_t i = 0; i < (size_t)(ROWS * tensor_elements(&m->whole->tensors[t])); i++) {
		const double x = (double)((const float *)a.of[t])[i];

		error += (x - (double)((const float *)b.of[u])[i]) *
			(x - (double)((const float *)b.of[u])[i]);
		size += x * x;
	}
	graph_values_fini(&a);
	graph_values_fini(&b);
	return sqrt(error / size);
}

// Three dense layers with an activation in each but the last.
static struct graph *network_of(const struct act *act, unsigned seed)
{
	const uint32_t sizes[] = { 20, 33, 17, 5 };
	struct graph *graph = graph_mlp(4, sizes, false, seed);

	for (uint32_t n = 0; n < 2; n++) {
		struct node *node = &graph->nodes[n];

		assert_int_equal(node_set_int(graph, node, ATTR_ACTIVATION, act->kind), 0);
		assert_int_equal(node_set_float(graph, node, ATTR_ALPHA, act->alpha), 0);
		assert_int_equal(node_set_float(graph, node, ATTR_BETA, act->beta), 0);
	}
	return graph;
}

static void every_activation_is_a_table(void **state)
{
	for (enum activation kind = ACTIVATION_RELU; kind < ACTIVATION_COUNT; kind++) {
		struct act act = act_defaults(kind);
		struct made m;
		const bool bounds = kind == ACTIVATION_RELU || kind == ACTIVATION_CLIP;

		if (kind == ACTIVATION_CLIP) {
			act.alpha = -0.5f;
			act.beta = 1.5f;
		}
		m = calibrated(network_of(&act, 3), 4);
		assert_true(off(&m, m.graph) < 1e-6);
		for (uint32_t o = 0; o < 12; o++) {
			const struct quantise_options options = { .symmetric = o & 1,
				.power_of_two = o & 2,
				.calibration = (enum quantise_calibration)(o / 4) };
			double error;

			quantise(&m, &options);
			error = off(&m, m.quantised);
			if (!(error < 0.08))
				fail_msg("%s, option %u: %g", activation_name(kind), o, error);
			assert_int_equal(count(m.quantised, OP_QDENSE), 3);
			assert_int_equal(count(m.quantised, OP_QUANTIZE_LINEAR), 1);
			assert_int_equal(count(m.quantised, OP_QLOOKUP), bounds ? 0 : 2);
			// nothing but what quantises the rows, the layers and the tables
			assert_int_equal(m.quantised->n_nodes,
				(bounds ? 4 : 6) + count(m.quantised, OP_AFFINE));
			network_check(m.quantised, 1e-5, o);
		}
		forget(&m);
	}
}

static void tables_can_be_left_out(void **state)
{
	const struct act act = { .kind = ACTIVATION_TANH };
	struct made m = calibrated(network_of(&act, 5), 4);
	double with, without;

	quantise(&m, &(struct quantise_options){ 0 });
	with = off(&m, m.quantised);
	quantise(&m, &(struct quantise_options){ .no_tables = true });
	without = off(&m, m.quantised);
	assert_int_equal(count(m.quantised, OP_QLOOKUP), 0);
	assert_int_equal(count(m.quantised, OP_TANH), 2);
	assert_int_equal(count(m.quantised, OP_QUANTIZE_LINEAR), 3);
	assert_true(without < with);
	forget(&m);
}

// The table is that of the float function, byte by byte; and of what is far from 0, where a Sigmoid is 0 or 1, its
// input has no more than it needs.
static void tables_hold_the_function(void **state)
{
	const struct act act = { .kind = ACTIVATION_SIGMOID };
	struct made m = calibrated(network_of(&act, 3), 60);
	const struct node *layer, *lookup;
	const uint8_t *table;
	double scale = 0, zero;

	quantise(&m, &(struct quantise_options){ 0 });
	layer = first(m.quantised, OP_QDENSE);
	lookup = first(m.quantised, OP_QLOOKUP);
	table = m.quantised->tensors[lookup->inputs[1]].data;
	zero = (double)node_int(layer, ATTR_ZERO, -1);
	// The output's scale is 1 / 255, of all that a sigmoid can be: the input's follows from where the bytes change.
	for (int32_t b = 1; b < 255 && !(scale > 0); b++) {
		if (table[b] > 100 && b != (int32_t)zero)
			scale = log(table[b] / (255.0 - table[b])) / (b - zero);
	}
	assert_true(scale > 0.03 && scale < 0.06); // -6 to 6, though sums reach far beyond
	assert_true(m.ranges.of[m.graph->nodes[0].outputs[0]].high > 15);
	assert_int_equal(table[0], 0);
	assert_int_equal(table[255], 255);
	for (int32_t b = 1; b < 256; b++)
		assert_true(table[b] >= table[b - 1]);
	forget(&m);
}

static uint32_t add_conv(struct graph *graph, uint32_t x, int64_t in, int64_t out)
{
	const uint32_t inputs[3] = { x,
		graph_f32_constant(
			graph, network_name(graph), 4, (int64_t[]){ out, in, 3, 3 }, (unsigned)out),
		graph_f32_constant(graph, network_name(graph), 1, &out, (unsigned)in) };
	struct node *node = network_node(graph, OP_CONV, 3, inputs);

	assert_int_equal(node_set_ints(graph, node, ATTR_PADS, 4, (int64_t[]){ 1, 1, 1, 1 }), 0);
	return network_output(graph, node, 0);
}

static uint32_t add_op(struct graph *graph, enum op op, uint32_t a, uint32_t b)
{
	const uint32_t inputs[2] = { a, b };

	return network_output(graph, network_node(graph, op, b == GRAPH_NONE ? 1 : 2, inputs), 0);
}

// x * HardSigmoid(x), as importers write HardSwish, or x * Sigmoid(x).
static uint32_t add_swish(struct graph *graph, uint32_t x, enum op gate)
{
	return add_op(graph, OP_MUL, add_op(graph, gate, x, GRAPH_NONE), x);
}

// Convolutions with functions of several nodes between them, a pool, and a dense layer at the end.
static struct graph *make_images(int64_t *slopes)
{
	struct graph *graph = graph_create();
	const uint32_t x = graph_f32(graph, "x", 4, (int64_t[]){ 1, 2, 8, 8 });
	uint32_t y = add_swish(graph, add_conv(graph, x, 2, 8), OP_HARD_SIGMOID), inputs[2];
	struct node *node;

	y = add_conv(graph, y, 8, 6);
	if (slopes)
		y = add_op(graph, OP_PRELU, y, graph_f32_constant(graph, "slopes", 3, slopes, 9));
	else
		y = add_swish(graph, y, OP_SIGMOID);
	node = network_node(graph, OP_MAX_POOL, 1, &y);
	assert_int_equal(node_set_ints(graph, node, ATTR_KERNEL_SHAPE, 2, (int64_t[]){ 2, 2 }), 0);
	assert_int_equal(node_set_ints(graph, node, ATTR_STRIDES, 2, (int64_t[]){ 2, 2 }), 0);
	y = network_output(graph, node, 0);
	y = add_op(graph, OP_TANH, add_conv(graph, y, 6, 5), GRAPH_NONE);
	node = network_node(graph, OP_RESHAPE, 1, &y);
	assert_int_equal(node_set_ints(graph, node, ATTR_SHAPE, 2, (int64_t[]){ 1, 80 }), 0);
	inputs[0] = network_output(graph, node, 0);
	inputs[1] = graph_f32_constant(graph, "dense", 2, (int64_t[]){ 80, 3 }, 5);
	y = network_output(graph, network_node(graph, OP_DENSE, 2, inputs), 0);
	graph_finish(graph, x, y);
	return graph;
}

static void functions_of_several_nodes(void **state)
{
	struct made m = calibrated(make_images(NULL), 4);

	for (uint32_t o = 0; o < 4; o++) {
		quantise(&m, &(struct quantise_options){ .symmetric = o & 1, .per_tensor = o & 2 });
		assert_true(off(&m, m.quantised) < 0.06);
		assert_int_equal(count(m.quantised, OP_QCONV), 3);
		assert_int_equal(count(m.quantised, OP_QDENSE), 1);
		assert_int_equal(count(m.quantised, OP_QLOOKUP), 3);
		assert_int_equal(count(m.quantised, OP_QUANTIZE_LINEAR), 1);
		assert_int_equal(count(m.quantised, OP_MUL), 0);
		network_check(m.quantised, 1e-5, o);
	}
	forget(&m);
}

// A slope for each channel is no function of the value alone; what a layer in float gives is none of bytes.
static void others_stay_in_floats(void **state)
{
	struct made m = calibrated(make_images((int64_t[]){ 6, 1, 1 }), 4);

	quantise(&m, &(struct quantise_options){ 0 });
	assert_int_equal(count(m.quantised, OP_PRELU), 1);
	assert_int_equal(count(m.quantised, OP_QLOOKUP), 2);
	assert_int_equal(count(m.quantised, OP_QUANTIZE_LINEAR), 2);
	assert_true(off(&m, m.quantised) < 0.06);
	m.layers.of[0].keep = true;
	quantise(&m, &(struct quantise_options){ 0 });
	assert_int_equal(count(m.quantised, OP_HARD_SIGMOID), 1);
	assert_int_equal(count(m.quantised, OP_QLOOKUP), 1);
	assert_true(off(&m, m.quantised) < 0.06);
	network_check(m.quantised, 1e-5, 1);
	forget(&m);
}

// A layer without an activation that is read by two functions, and by another layer: one result in bytes serves all.
static void functions_share_a_source(void **state)
{
	struct graph *graph = graph_create();
	const uint32_t x = graph_f32(graph, "x", 2, (int64_t[]){ 1, 16 });
	const int64_t square[2] = { 16, 16 };
	uint32_t y = network_output(graph,
		network_node(graph, OP_DENSE, 2,
			(uint32_t[]){ x, graph_f32_constant(graph, "w0", 2, square, 1) }),
		0);
	const uint32_t parts[3] = { add_op(graph, OP_TANH, y, GRAPH_NONE),
		add_op(graph, OP_SIGMOID, y, GRAPH_NONE), y };
	uint32_t sum = GRAPH_NONE;
	struct made m;

	for (uint32_t i = 0; i < 3; i++) {
		const uint32_t w =
			graph_f32_constant(graph, network_name(graph), 2, square, 20 + i);

		y = network_output(
			graph, network_node(graph, OP_DENSE, 2, (uint32_t[]){ parts[i], w }), 0);
		sum = i == 0 ? y : add_op(graph, OP_ADD, sum, y);
	}
	graph_finish(graph, x, sum);
	m = calibrated(graph, 6);
	quantise(&m, &(struct quantise_options){ 0 });
	assert_int_equal(count(m.quantised, OP_QDENSE), 4);
	assert_int_equal(count(m.quantised, OP_QLOOKUP), 2);
	assert_int_equal(count(m.quantised, OP_QUANTIZE_LINEAR), 1);
	assert_true(off(&m, m.quantised) < 0.05);
	network_check(m.quantised, 1e-5, 2);
	forget(&m);
}

// Bytes that have a scale a column, as a layer in front of the function wants them, are those of no table.
static void columns_with_scales_of_their_own_have_no_table(void **state)
{
	struct graph *graph = graph_create();
	const uint32_t x = graph_f32(graph, "x", 2, (int64_t[]){ 1, 16 });
	const int64_t square[2] = { 16, 16 };
	const uint32_t w = graph_f32_constant(graph, "w0", 2, square, 1);
	const uint32_t v = graph_f32_constant(graph, "w1", 2, square, 2);
	const uint32_t first_layer =
		network_output(graph, network_node(graph, OP_DENSE, 2, (uint32_t[]){ x, w }), 0);
	const uint32_t function = add_op(graph, OP_TANH, x, GRAPH_NONE);
	const uint32_t second_layer = network_output(
		graph, network_node(graph, OP_DENSE, 2, (uint32_t[]){ function, v }), 0);
	struct made m;

	graph_finish(graph, x,
		add_op(graph, OP_ADD, add_op(graph, OP_TANH, first_layer, GRAPH_NONE),
			second_layer));
	m = calibrated_apart(graph, 1, 100);
	quantise(&m, &(struct quantise_options){ 0 });
	assert_int_equal(count(m.quantised, OP_QDENSE), 2);
	assert_int_equal(count(m.quantised, OP_QLOOKUP), 0);
	assert_true(off(&m, m.quantised) < 0.05);
	forget(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_activation_is_a_table),
		cmocka_unit_test(tables_can_be_left_out),
		cmocka_unit_test(tables_hold_the_function),
		cmocka_unit_test(functions_of_several_nodes),
		cmocka_unit_test(others_stay_in_floats),
		cmocka_unit_test(functions_share_a_source),
		cmocka_unit_test(columns_with_scales_of_their_own_have_no_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
