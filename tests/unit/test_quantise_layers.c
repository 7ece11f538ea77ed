// SPDX-License-Identifier: BSD-3-Clause
// A float graph in 8 bits: near what it was by every option, in int8 from layer to layer; what cannot be is left and
// says why; equalised layers are the same floats.
#include "infer/compile/passes/quantise_equalise.h"
#include "infer/compile/passes/quantise_layers.h"
#include "infer/compile/values.h"
#include "infer/graph/arena.h"
#include "infer/kernels/quantise/qdense.h"
#include "infer/ops/check.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"
#include "tests/unit/network_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 200

struct made {
	struct graph *graph, *quantised;
	struct ranges ranges;
	struct quantise_layers layers;
	float *rows;
};

static void calibrate(struct made *m, bool bins)
{
	struct error err;
	uint8_t *wanted = calloc(m->graph->n_tensors + 1, sizeof(*wanted));
	unsigned seed = 7;

	assert_non_null(wanted);
	m->rows = malloc(ROWS * m->graph->n_features * sizeof(float));
	assert_non_null(m->rows);
	for (size_t i = 0; i < (size_t)ROWS * m->graph->n_features; i++)
		m->rows[i] = 4 * graph_random(&seed);
	assert_int_equal(graph_check(m->graph, &err), 0);
	assert_int_equal(quantise_find_layers(m->graph, &m->layers, &err), 0);
	quantise_wanted(m->graph, &m->layers, wanted);
	assert_int_equal(
		ranges_collect(&m->ranges, m->graph, m->rows, ROWS, wanted, bins, &err), 0);
	free(wanted);
}

static void quantise(struct made *m, const struct quantise_options *options)
{
	struct error err = { .text = "" };
	int rc;

	graph_destroy(m->quantised);
	rc = quantise_layers(m->graph, &m->ranges, options, &m->layers, &m->quantised, &err);
	if (rc != 0)
		fail_msg("%s", err.text);
}

static void forget(struct made *m)
{
	graph_destroy(m->quantised);
	ranges_fini(&m->ranges);
	graph_destroy(m->graph);
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

// The error of the outputs beside their size, as root mean squares.
static double off(const struct made *m)
{
	struct graph_values a, b;
	struct error err;
	double error = 0, size = 0;

	assert_int_equal(graph_values_init(&a, m->graph, ROWS, &err), 0);
	assert_int_equal(graph_values_init(&b, m->quantised, ROWS, &err), 0);
	assert_int_equal(a.n_max, ROWS);
	assert_int_equal(graph_values_run(&a, m->rows, ROWS, &err), 0);
	assert_int_equal(graph_values_run(&b, m->rows, ROWS, &err), 0);
	for (uint32_t o = 0; o < m->graph->n_outputs; o++) {
		const uint32_t t = m->graph->outputs[o].tensor;
		const float *x = a.of[t], *y = b.of[t];

		for (size_t i = 0; i < (size_t)(ROWS * tensor_elements(&m->graph->tensors[t]));
			i++) {
			error += (double)(x[i] - y[i]) * (double)(x[i] - y[i]);
			size += (double)x[i] * (double)x[i];
		}
	}
	graph_values_fini(&a);
	graph_values_fini(&b);
	return sqrt(error / size);
}

static void mlp_by_every_option(void **state)
{
	const uint32_t sizes[] = { 20, 33, 17, 5 };
	struct made m = { .graph = graph_mlp(4, sizes, false, 3) };

	calibrate(&m, true);
	for (uint32_t o = 0; o < 96; o++) {
		const struct quantise_options options = { .symmetric = o & 1,
			.per_tensor = o & 2,
			.power_of_two = o & 4,
			.no_bias_correction = o & 8,
			.full_range = o & 16,
			.calibration = (enum quantise_calibration)(o / 32) };
		double error;

		quantise(&m, &options);
		error = off(&m);
		if (!(error < 0.08))
			fail_msg("option %u: %g", o, error);
		assert_int_equal(count(m.quantised, OP_QDENSE), 3);
		assert_int_equal(count(m.quantised, OP_QUANTIZE_LINEAR), 1);
		assert_int_equal(count(m.quantised, OP_DENSE), 0);
	}
	forget(&m);
}

// The weights and multipliers of power-of-two scales are powers of two; four products fit in 16 bits.
static void scales_are_what_was_asked(void **state)
{
	const uint32_t sizes[] = { 64, 64, 8 };
	struct made m = { .graph = graph_mlp(3, sizes, false, 5) };

	calibrate(&m, false);
	for (uint32_t o = 0; o < 4; o++) {
		quantise(&m,
			&(struct quantise_options){ .power_of_two = o & 1, .per_tensor = o & 2 });
		for (uint32_t n = 0; n < m.quantised->n_nodes; n++) {
			const struct node *node = &m.quantised->nodes[n];
			const struct tensor *w;
			const float *multiplier;

			if (node->op != OP_QDENSE)
				continue;
			w = &m.quantised->tensors[node->inputs[1]];
			multiplier = m.quantised->tensors[node->inputs[3]].data;
			for (int64_t c = 0; c < w->dims[1]; c++) {
				int exponent;

				if (o & 1)
					assert_true(frexpf(multiplier[c], &exponent) == 0.5f);
				if (o & 2)
					assert_true(multiplier[c] == multiplier[0]);
				assert_true(qdense_words_load((const int8_t *)w->data + c,
						    (uint32_t)w->dims[0],
						    (size_t)w->dims[1]) <= QDENSE_WORDS_MAX);
			}
		}
	}
	forget(&m);
}

// Softmax is computed in floats, and what is kept is in floats, too.
static void kept_layers_are_floats(void **state)
{
	const uint32_t sizes[] = { 9, 16, 16, 3 };
	struct made m = { .graph = graph_mlp(4, sizes, true, 9) };

	calibrate(&m, false);
	assert_int_equal(m.layers.count, 3);
	m.layers.of[1].keep = true;
	quantise(&m, &(struct quantise_options){ .symmetric = true });
	assert_true(off(&m) < 0.05);
	assert_int_equal(count(m.quantised, OP_QDENSE), 2);
	assert_int_equal(count(m.quantised, OP_DENSE), 1);
	assert_int_equal(count(m.quantised, OP_QUANTIZE_LINEAR), 2);
	assert_int_equal(m.layers.of[1].result, GRAPH_NONE);
	for (uint32_t l = 0; l < 3; l++)
		m.layers.of[l].keep = true;
	quantise(&m, &(struct quantise_options){ .symmetric = true });
	assert_true(off(&m) == 0);
	forget(&m);
}

static uint32_t add_conv(struct graph *graph, uint32_t x, int64_t in, int64_t out, int64_t group)
{
	const uint32_t inputs[3] = { x,
		graph_f32_constant(graph, network_name(graph), 4,
			(int64_t[]){ out, in / group, 3, 3 }, (unsigned)out),
		graph_f32_constant(graph, network_name(graph), 1, &out, (unsigned)in) };
	struct node *node = network_node(graph, OP_CONV, 3, inputs);

	assert_int_equal(node_set_int(graph, node, ATTR_GROUP, group), 0);
	assert_int_equal(node_set_int(graph, node, ATTR_ACTIVATION, ACTIVATION_RELU), 0);
	assert_int_equal(node_set_ints(graph, node, ATTR_PADS, 4, (int64_t[]){ 1, 1, 1, 1 }), 0);
	return network_output(graph, node, 0);
}

// Conv, MaxPool, Conv in groups, Reshape, Dense: bytes from the first to the last.
static void layers_stay_in_bytes_across_moves(void **state)
{
	struct made m = { .graph = graph_create() };
	struct graph *graph = m.graph;
	const uint32_t x = graph_f32(graph, "x", 4, (int64_t[]){ 1, 2, 8, 8 });
	uint32_t y = add_conv(graph, x, 2, 8, 1), inputs[2];
	struct node *node = network_node(graph, OP_MAX_POOL, 1, &y);

	assert_int_equal(node_set_ints(graph, node, ATTR_KERNEL_SHAPE, 2, (int64_t[]){ 2, 2 }), 0);
	assert_int_equal(node_set_ints(graph, node, ATTR_STRIDES, 2, (int64_t[]){ 2, 2 }), 0);
	y = network_output(graph, node, 0);
	y = add_conv(graph, y, 8, 6, 2);
	node = network_node(graph, OP_RESHAPE, 1, &y);
	assert_int_equal(node_set_ints(graph, node, ATTR_SHAPE, 2, (int64_t[]){ 1, 96 }), 0);
	inputs[0] = network_output(graph, node, 0);
	inputs[1] = graph_f32_constant(graph, "dense", 2, (int64_t[]){ 96, 3 }, 5);
	y = network_output(graph, network_node(graph, OP_DENSE, 2, inputs), 0);
	graph_finish(graph, x, y);
	calibrate(&m, true);
	for (uint32_t o = 0; o < 4; o++) {
		quantise(&m, &(struct quantise_options){ .symmetric = o & 1, .per_tensor = o & 2 });
		assert_true(off(&m) < 0.04);
		assert_int_equal(count(m.quantised, OP_QCONV), 2);
		assert_int_equal(count(m.quantised, OP_QDENSE), 1);
		assert_int_equal(count(m.quantised, OP_QUANTIZE_LINEAR), 1);
		assert_int_equal(count(m.quantised, OP_DEQUANTIZE_LINEAR), 0);
	}
	forget(&m);
}

// One layer of `op`, all its states as scores.
static struct graph *make_sequence(enum op op, int64_t ways, bool linear, bool rows_first)
{
	static const int64_t GATES[] = { 1, 3, 4 }, IN = 5, H = 12, STEPS = 6;
	const uint32_t cell = op == OP_RNN ? 0 : op == OP_GRU ? 1 : 2;
	const int64_t wide = GATES[cell] * H, functions = ways * (cell + 1);
	struct graph *graph = graph_create();
	const uint32_t x = graph_f32(graph, "x", 3,
		rows_first ? (int64_t[]){ 1, STEPS, IN } : (int64_t[]){ STEPS, 1, IN });
	const uint32_t inputs[4] = { x,
		graph_f32_constant(graph, "w", 3, (int64_t[]){ ways, wide, IN }, 3),
		graph_f32_constant(graph, "r", 3, (int64_t[]){ ways, wide, H }, 4),
		graph_f32_constant(graph, "b", 2, (int64_t[]){ ways, 2 * wide }, 5) };
	struct node *node = network_node(graph, op, 4, inputs);
	int64_t kinds[6];
	const float zeros[6] = { 0 };

	for (int64_t f = 0; f < functions; f++)
		kinds[f] = op != OP_RNN && f % (cell + 1) == 0 ? RECURRENT_SIGMOID : RECURRENT_TANH;
	assert_int_equal(
		node_set_ints(graph, node, ATTR_ACTIVATIONS, (uint32_t)functions, kinds), 0);
	assert_int_equal(node_set_floats(graph, node, ATTR_ALPHAS, (uint32_t)functions, zeros), 0);
	assert_int_equal(node_set_floats(graph, node, ATTR_BETAS, (uint32_t)functions, zeros), 0);
	assert_int_equal(node_set_int(graph, node, ATTR_DIRECTION,
				 ways == 2 ? DIRECTION_BOTH : DIRECTION_FORWARD),
		0);
	assert_int_equal(node_set_int(graph, node, ATTR_LINEAR_BEFORE_RESET, linear), 0);
	assert_int_equal(node_set_int(graph, node, ATTR_LAYOUT, rows_first), 0);
	for (uint32_t o = 0; o < node->n_outputs; o++)
		(void)network_output(graph, node, o);
	graph_finish(graph, x, node->outputs[0]);
	return graph;
}

static void sequences_in_bytes(void **state)
{
	static const enum op OPS[] = { OP_RNN, OP_GRU, OP_LSTM };

	for (uint32_t i = 0; i < 24; i++) {
		struct made m = { .graph = make_sequence(
					  OPS[i % 3], 1 + i / 3 % 2, i / 6 % 2, i / 12 % 2) };
		double error;

		calibrate(&m, false);
		quantise(&m, &(struct quantise_options){ .symmetric = i % 2 });
		assert_int_equal(count(m.quantised, OP_QRECURRENT), 1);
		error = off(&m);
		if (!(error < 0.05))
			fail_msg("case %u: %g", i, error);
		network_check(
			m.quantised, 0.05, i); // a step of the state by the last bit of a float
		forget(&m);
	}
}

// An image may say anything of it.
static void sequences_of_wrong_forms_are_refused(void **state)
{
	static const struct {
		enum attr_key key;
		int64_t value;
		const char *says;
	} CASES[] = {
		{ ATTR_CELL, 3, "\"cell\"" },
		{ ATTR_CELL, CELL_RNN, "\"activations\" should have 1 values" },
		{ ATTR_CELL, CELL_LSTM, "\"activations\" should have 3 values" },
		{ ATTR_DIRECTION, DIRECTION_BOTH, "\"activations\" should have 4 values" },
		{ ATTR_LAYOUT, 1, "there must be one sequence, of some steps" },
		{ ATTR_ALPHA, 0, "\"alpha\" should be the scale of the state, above 0" },
	};
	struct error err;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES) + 6; i++) {
		struct made m = { .graph = make_sequence(OP_GRU, 1, i % 2, false) };
		struct node *node = NULL;
		uint32_t *in;

		calibrate(&m, false);
		quantise(&m, &(struct quantise_options){ .symmetric = true });
		for (uint32_t n = 0; n < m.quantised->n_nodes; n++) {
			if (m.quantised->nodes[n].op == OP_QRECURRENT)
				node = &m.quantised->nodes[n];
		}
		assert_non_null(node);
		in = node->inputs;
		if (i < sizeof(CASES) / sizeof(*CASES) && CASES[i].key == ATTR_ALPHA)
			assert_int_equal(node_set_float(m.quantised, node, ATTR_ALPHA, 0), 0);
		else if (i < sizeof(CASES) / sizeof(*CASES))
			assert_int_equal(
				node_set_int(m.quantised, node, CASES[i].key, CASES[i].value), 0);
		else // weights, biases and multipliers in each other's place, or none
			in[1 + i % 6] = i % 3 == 0 ? in[4 - 3 * (i % 6 / 3)] : in[0];
		assert_int_equal(graph_check(m.quantised, &err), -EINVAL);
		if (i < sizeof(CASES) / sizeof(*CASES) && !strstr(err.text, CASES[i].says))
			fail_msg("%s", err.text);
		forget(&m);
	}
}

// Channels of very different sizes become alike, and no float another.
static void equalised_layers_are_the_same(void **state)
{
	const uint32_t sizes[] = { 12, 24, 24, 4 };
	struct made m = { .graph = graph_mlp(4, sizes, true, 11) };
	struct quantise_options options = { .per_tensor = true };
	struct graph *before = graph_mlp(4, sizes, true, 11);
	struct error err;
	double uneven;

	for (uint32_t g = 0; g < 2;
		g++) { // channel c of layer 0 grows by 2^(c % 8), of layer 1 shrinks
		struct graph *graph = g ? before : m.graph;
		float *w0 = (float *)(uintptr_t)graph->tensors[graph->nodes[0].inputs[1]].data;
		float *b0 = (float *)(uintptr_t)graph->tensors[graph->nodes[0].inputs[2]].data;
		float *w1 = (float *)(uintptr_t)graph->tensors[graph->nodes[1].inputs[1]].data;

		for (uint32_t c = 0; c < 24; c++) {
			for (uint32_t i = 0; i < 12; i++)
				w0[i * 24 + c] = ldexpf(w0[i * 24 + c], c % 8);
			b0[c] = ldexpf(b0[c], c % 8);
			for (uint32_t i = 0; i < 24; i++)
				w1[c * 24 + i] = ldexpf(w1[c * 24 + i], -(int)(c % 8));
		}
	}
	calibrate(&m, false);
	quantise(&m, &options);
	uneven = off(&m);
	assert_int_equal(quantise_equalise(m.graph, &err), 2);
	graph_destroy(m.quantised);
	m.quantised = before;
	assert_true(off(&m) == 0);
	m.quantised = NULL;
	graph_destroy(before);
	ranges_fini(&m.ranges);
	free(m.layers.of);
	free(m.rows);
	calibrate(&m, false);
	quantise(&m, &options);
	assert_true(off(&m) < uneven / 2);
	forget(&m);
}

static void ranges_know_means_and_bins(void **state)
{
	const uint32_t sizes[] = { 3, 2 };
	struct made m = { .graph = graph_mlp(2, sizes, false, 1) };
	const struct range *range;
	uint64_t seen = 0;
	double mean = 0;

	calibrate(&m, true);
	range = &m.ranges.of[m.graph->inputs[0].tensor];
	for (uint32_t b = 0; b < RANGE_BINS; b++)
		seen += range->bins[b];
	for (uint32_t r = 0; r < ROWS; r++)
		mean += (double)m.rows[r * 3 + 1] / ROWS;
	assert_int_equal(range->count, ROWS * 3);
	assert_int_equal(seen, ROWS * 3);
	assert_true(range->bins[0] > 0 && range->bins[RANGE_BINS - 1] > 0);
	assert_true(fabs(range->mean[1] - mean) < 1e-9);
	forget(&m);
}

static void rows_that_are_not_finite_are_refused(void **state)
{
	const uint32_t sizes[] = { 3, 2 };
	struct graph *graph = graph_mlp(2, sizes, false, 1);
	const float rows[6] = { 1, 2, 3, 4, INFINITY, 6 };
	uint8_t *wanted = calloc(graph->n_tensors + 1, sizeof(*wanted));
	struct ranges ranges;
	struct error err;

	assert_non_null(wanted);
	wanted[graph->inputs[0].tensor] = RANGE_WHOLE;
	assert_int_equal(ranges_collect(&ranges, graph, rows, 2, wanted, false, &err), -EDOM);
	assert_non_null(
		strstr(err.text, "is not finite for a calibration row, so that it has no scale"));
	free(wanted);
	graph_destroy(graph);
}

// Features of very different sizes, one of them always 0: each has a scale of its own.
static void features_of_different_sizes(void **state)
{
	const uint32_t sizes[] = { 12, 24, 4 };

	for (uint32_t o = 0; o < 8; o++) {
		struct made m = { .graph = graph_mlp(3, sizes, false, 21) };
		const struct quantise_options options = { .symmetric = o & 1,
			.power_of_two = o & 2,
			.calibration = o & 4 ? QUANTISE_MSE : QUANTISE_MINMAX };
		float *w = (float *)(uintptr_t)m.graph->tensors[m.graph->nodes[0].inputs[1]].data;
		uint8_t *wanted = calloc(m.graph->n_tensors + 1, sizeof(*wanted));
		struct error err;
		double error;

		assert_non_null(wanted);
		for (uint32_t k = 0; k < 12; k++) {
			for (uint32_t n = 0; n < 24; n++)
				w[k * 24 + n] = ldexpf(w[k * 24 + n], -2 * (int)k);
		}
		calibrate(&m, true);
		for (uint32_t r = 0; r < ROWS; r++) {
			for (uint32_t k = 0; k < 12; k++)
				m.rows[r * 12 + k] = k == 5
					? 0
					: ldexpf(m.rows[r * 12 + k] + (k & 1), 2 * (int)k);
		}
		ranges_fini(&m.ranges);
		quantise_wanted(m.graph, &m.layers, wanted);
		assert_int_equal(
			ranges_collect(&m.ranges, m.graph, m.rows, ROWS, wanted, true, &err), 0);
		free(wanted);
		quantise(&m, &options);
		assert_int_equal(count(m.quantised, OP_AFFINE), 1);
		error = off(&m);
		if (!(error < 0.05))
			fail_msg("option %u: %g", o, error);
		forget(&m);
	}
}

// Zero points and saturation: of a range of one sign, of none, of both.
static void activations_by_their_ranges(void **state)
{
	static const struct {
		float low, high;
		bool symmetric;
		enum dtype dtype;
		float scale;
		int32_t zero;
	} CASES[] = {
		{ 0, 255, false, DTYPE_U8, 1, 0 },
		{ 2, 255, false, DTYPE_U8, 1, 0 },
		{ -255, 0, false, DTYPE_U8, 1, 255 },
		{ -100, 155, false, DTYPE_U8, 1, 100 },
		{ -127, 100, true, DTYPE_I8, 1, 0 },
		{ -1, 254, true, DTYPE_I8, 2, 0 },
		{ 0, 510, true, DTYPE_U8, 2, 0 },
		{ 0, 0, false, DTYPE_U8, 1, 0 },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		const struct range range = {
			.count = 9, .low = CASES[i].low, .high = CASES[i].high
		};
		const struct quantise_options options = { .symmetric = CASES[i].symmetric };
		const struct quantum q = quantise_activation(&options, &range);

		assert_int_equal(q.dtype, CASES[i].dtype);
		assert_true(q.scale == CASES[i].scale);
		assert_int_equal(q.zero, CASES[i].zero);
	}
}

// An outlier: percentile and MSE let it go, min-max does not.
static void outliers_are_cut_off(void **state)
{
	uint64_t bins[RANGE_BINS] = { 0 };
	struct range range = { .count = 1000001, .high = 1000, .bins = bins };

	for (uint32_t b = 0; b < 100; b++)
		bins[b] = 10000;
	bins[RANGE_BINS - 1] = 1;
	for (uint32_t c = 0; c < QUANTISE_CALIBRATIONS; c++) {
		const struct quantise_options options = { .calibration =
								  (enum quantise_calibration)c };
		const struct quantum q = quantise_activation(&options, &range);

		if (c == QUANTISE_MINMAX)
			assert_true(q.scale == 1000.0f / 255);
		else if (c == QUANTISE_PERCENTILE)
			assert_true(q.scale < 50.0f / 255);
		else
			assert_true(q.scale < 900.0f / 255);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(mlp_by_every_option),
		cmocka_unit_test(scales_are_what_was_asked),
		cmocka_unit_test(kept_layers_are_floats),
		cmocka_unit_test(layers_stay_in_bytes_across_moves),
		cmocka_unit_test(sequences_in_bytes),
		cmocka_unit_test(sequences_of_wrong_forms_are_refused),
		cmocka_unit_test(equalised_layers_are_the_same),
		cmocka_unit_test(ranges_know_means_and_bins),
		cmocka_unit_test(rows_that_are_not_finite_are_refused),
		cmocka_unit_test(features_of_different_sizes),
		cmocka_unit_test(activations_by_their_ranges),
		cmocka_unit_test(outliers_are_cut_off) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
