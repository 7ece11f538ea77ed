// SPDX-License-Identifier: BSD-3-Clause
// Convolutions with scales and shifts of their channels behind them: what the passes make of them
// must score the same.
#include "infer/compile/passes/passes.h"
#include "infer/compile/passes/run.h"
#include "tests/cmocka.h"
#include "tests/unit/network_check.h"

static struct compile_report report;

static uint32_t constant(struct graph *graph, uint32_t rank, const int64_t *dims, unsigned seed)
{
	const uint32_t t = graph_f32_constant(graph, network_name(graph), rank, dims, seed);
	float *values = (float *)(uintptr_t)graph->tensors[t].data;

	// 0.25 to 0.75: variances and divisors, too
	for (int64_t i = 0; i < tensor_elements(&graph->tensors[t]); i++)
		values[i] = 0.5f + values[i] / 2;
	return t;
}

static uint32_t conv(struct graph *graph, uint32_t x, int64_t channels, bool biased, unsigned seed)
{
	const uint32_t spatial = graph->tensors[x].rank - 2;
	const int64_t w[4] = { channels, graph->tensors[x].dims[1], 3, 3 };
	const uint32_t inputs[3] = { x, constant(graph, spatial + 2, w, seed),
		biased ? constant(graph, 1, w, seed + 9) : GRAPH_NONE };

	return network_output(graph, network_node(graph, OP_CONV, biased ? 3 : 2, inputs), 0);
}

static uint32_t norm(struct graph *graph, uint32_t x, unsigned seed)
{
	uint32_t inputs[5] = { x };

	for (uint32_t i = 1; i < 5; i++)
		inputs[i] = constant(graph, 1, &graph->tensors[x].dims[1], seed + i);
	return network_output(graph, network_node(graph, OP_BATCH_NORM, 5, inputs), 0);
}

// One constant for all, one a channel, or, which must stay as it is, one a position.
static uint32_t binary(struct graph *graph, enum op op, uint32_t x, unsigned *seed)
{
	const struct tensor *in = &graph->tensors[x];
	const uint32_t spatial = in->rank - 2, kind = network_below(seed, 4);
	const int64_t dims[3] = { kind == 0 ? 1 : in->dims[1], 1,
		kind == 3 ? in->dims[in->rank - 1] : 1 };
	const int64_t of_line[3] = { dims[0], dims[2], 0 };
	const uint32_t c = constant(graph, spatial + 1, spatial == 1 ? of_line : dims, *seed);
	// A quotient of what is near 0 says nothing about roundings.
	const bool reversed = op != OP_DIV && network_below(seed, 3) == 0;
	const uint32_t inputs[2] = { reversed ? c : x, reversed ? x : c };

	return network_output(graph, network_node(graph, op, 2, inputs), 0);
}

static struct graph *network(unsigned seed)
{
	static const enum op OPS[4] = { OP_ADD, OP_SUB, OP_MUL, OP_DIV };
	const uint32_t spatial = 1 + network_below(&seed, 2);
	struct graph *graph = graph_create();
	const uint32_t first = graph_f32(graph, "x", spatial + 2, (int64_t[]){ 1, 2, 7, 6 });
	uint32_t x = conv(graph, first, 1 + network_below(&seed, 20), network_below(&seed, 2), 7);

	for (uint32_t steps = 1 + network_below(&seed, 4); steps > 0; steps--) {
		const uint32_t which = network_below(&seed, 6);

		x = which < 4 ? binary(graph, OPS[which], x, &seed) : norm(graph, x, seed);
	}
	graph_finish(graph, first, x);
	return graph;
}

static void scales_fold_and_score_the_same(void **state)
{
	for (unsigned i = 0; i < 200; i++) {
		struct graph *before = network(i * 7919 + 3), *after = network(i * 7919 + 3);
		struct error err = { .text = "" };

		if (passes_run(after, &report, &err) != 0)
			fail_msg("network %u: %s", i, err.text);
		network_same(before, after, 1e-5, i);
		graph_destroy(before);
		graph_destroy(after);
	}
	compile_report_fini(&report);
}

static void norm_and_relu_leave_one_node(void **state)
{
	struct graph *graph = graph_create();
	const uint32_t first = graph_f32(graph, "x", 3, (int64_t[]){ 1, 2, 9 });
	uint32_t x = norm(graph, conv(graph, first, 5, false, 7), 3);
	struct error err = { .text = "" };

	x = network_output(graph, network_node(graph, OP_RELU, 1, &x), 0);
	graph_finish(graph, first, x);
	assert_int_equal(passes_run(graph, &report, &err), 0);
	assert_int_equal(graph->n_nodes, 1);
	assert_int_equal(graph->nodes[0].op, OP_CONV);
	assert_int_equal(node_int(&graph->nodes[0], ATTR_ACTIVATION, 0), ACTIVATION_RELU);
	assert_string_equal(report.lines[0],
		"folded BatchNormalization 'BatchNormalization_1' into Conv 'Conv_0'");
	compile_report_fini(&report);
	graph_destroy(graph);
}

// What else reads the convolution wants it unscaled.
static void second_reader_keeps_the_norm(void **state)
{
	struct graph *graph = graph_create();
	const uint32_t first = graph_f32(graph, "x", 3, (int64_t[]){ 1, 2, 9 });
	const uint32_t y = conv(graph, first, 5, true, 7);
	const uint32_t inputs[2] = { y, norm(graph, y, 3) };
	const uint32_t out = network_output(graph, network_node(graph, OP_MAX, 2, inputs), 0);
	struct error err = { .text = "" };

	graph_finish(graph, first, out);
	assert_int_equal(passes_run(graph, &report, &err), 0);
	assert_int_equal(graph->n_nodes, 3);
	compile_report_fini(&report);
	graph_destroy(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scales_fold_and_score_the_same),
		cmocka_unit_test(norm_and_relu_leave_one_node),
		cmocka_unit_test(second_reader_keeps_the_norm),
	};

	return cmocka_run_group_tests_name("fold_conv", tests, NULL, NULL);
}
