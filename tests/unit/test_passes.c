// SPDX-License-Identifier: BSD-3-Clause
// What the passes make of small graphs; that scores stay the same is test_parity's to show.
#include "infer/compile/passes/constants.h"
#include "infer/compile/passes/passes.h"
#include "infer/compile/passes/run.h"
#include "infer/graph/arena.h"
#include "infer/ops/check.h"
#include "infer/ops/table.h"
#include "tests/cmocka.h"

#include <math.h>
#include <string.h>

static struct graph *graph;
static struct compile_report report;
static struct error err;
static uint32_t at; // what the next node reads

static uint32_t tensor(uint32_t rank, int64_t d0, int64_t d1, const float *data)
{
	const int64_t dims[2] = { d0, d1 };
	char name[16];

	snprintf(name, sizeof(name), "t%u", graph->n_tensors);
	return graph_add_tensor(graph, name, DTYPE_F32, rank, dims, data, &err);
}

static void begin(int64_t columns)
{
	graph = graph_create();
	graph->inputs = arena_calloc(graph->arena, 1, sizeof(*graph->inputs));
	graph->outputs = arena_calloc(graph->arena, 1, sizeof(*graph->outputs));
	at = tensor(2, 1, columns, NULL);
	graph->inputs[0].tensor = at;
	graph->n_inputs = 1;
	graph->n_features = (uint32_t)columns;
}

static void then(enum op op, uint32_t second, uint32_t third)
{
	const uint32_t inputs[3] = { at, second, third };
	uint32_t n = 1 + (second != GRAPH_NONE) + (third != GRAPH_NONE);
	struct tensor shape = { 0 };
	uint32_t index, out = tensor(0, 0, 0, NULL);

	index = graph_add_node(graph, op, op_name(op), n, inputs, 1, &out, &err);
	assert_int_equal(op_infer(graph, &graph->nodes[index], &shape, &err), 0);
	shape.name = graph->tensors[out].name;
	graph->tensors[out] = shape;
	at = out;
}

static void finish(void)
{
	graph->outputs[0].tensor = at;
	graph->n_outputs = 1;
	graph->n_columns_out = (uint32_t)tensor_elements(&graph->tensors[at]);
	if (passes_run(graph, &report, &err) != 0 || graph_check(graph, &err) != 0)
		fail_msg("%s", err.text);
}

static int tear_down(void **state)
{
	graph_destroy(graph);
	compile_report_fini(&report);
	return 0;
}

static const float W[6] = { 1, 2, 3, 4, 5, 6 }; // [2][3]
static const float B[3] = { 10, 20, 30 };
static const float S[3] = { 2, 3, 4 };
static const float S2[2] = { 0.25f, 1 };
static const float T2[2] = { 1, 0.5f };

static void matmul_add_relu_is_one_dense(void **state)
{
	begin(2);
	then(OP_MATMUL, tensor(2, 2, 3, W), GRAPH_NONE);
	then(OP_ADD, tensor(1, 3, 0, B), GRAPH_NONE);
	then(OP_IDENTITY, GRAPH_NONE, GRAPH_NONE);
	then(OP_RELU, GRAPH_NONE, GRAPH_NONE);
	finish();
	assert_int_equal(graph->n_nodes, 1);
	assert_int_equal(graph->nodes[0].op, OP_DENSE);
	assert_int_equal(node_int(&graph->nodes[0], ATTR_ACTIVATION, 0), ACTIVATION_RELU);
	assert_memory_equal(tensor_floats(graph, graph->nodes[0].inputs[2]), B, sizeof(B));
	assert_true(report.n_lines >= 4);
}

static void scaler_and_batch_norm_fold_into_dense(void **state)
{
	static const float MEAN[3] = { 1, 0, 2 }, VARIANCE[3] = { 1, 4, 0.25f };
	struct node *node;
	uint32_t bn[5];
	uint32_t out;

	begin(2);
	then(OP_SUB, tensor(1, 2, 0, T2), GRAPH_NONE);
	then(OP_MUL, tensor(1, 2, 0, S2), GRAPH_NONE);
	then(OP_GEMM, tensor(2, 2, 3, W), tensor(1, 3, 0, B));
	bn[0] = at;
	bn[1] = tensor(1, 3, 0, S);
	bn[2] = tensor(1, 3, 0, B);
	bn[3] = tensor(1, 3, 0, MEAN);
	bn[4] = tensor(1, 3, 0, VARIANCE);
	out = tensor(2, 1, 3, NULL);
	node = &graph->nodes[graph_add_node(graph, OP_BATCH_NORM, "bn", 5, bn, 1, &out, &err)];
	node_set_float(graph, node, ATTR_EPSILON, 0);
	at = out;
	finish();
	assert_int_equal(graph->n_nodes, 1);
	// Column 0: ((x - T) * S) W + B, then (y - 1) / 1 * 2 + 10.
	const float *w = tensor_floats(graph, graph->nodes[0].inputs[1]);
	const float *b = tensor_floats(graph, graph->nodes[0].inputs[2]);

	assert_true(w[0] == 0.25f * 1 * 2 && w[3] == 1 * 4 * 2);
	assert_true(fabsf(b[0] - ((10 - 0.25f * 1 - 0.5f * 4 - 1) * 2 + 10)) < 1e-5f);
}

static void large_shift_stays_a_step(void **state)
{
	static const float FAR[2] = { 1e6f, 1e6f };

	begin(2);
	then(OP_SUB, tensor(1, 2, 0, FAR), GRAPH_NONE);
	then(OP_MUL, tensor(1, 2, 0, S2), GRAPH_NONE);
	then(OP_MATMUL, tensor(2, 2, 3, W), GRAPH_NONE);
	finish();
	assert_int_equal(graph->n_nodes, 2);
	assert_int_equal(graph->nodes[0].op, OP_AFFINE);
	assert_true(tensor_floats(graph, graph->nodes[0].inputs[1])[0] == 1);
	assert_true(tensor_floats(graph, graph->nodes[0].inputs[2])[0] == -1e6f);
}

// An infinite factor, and one by which weights would be infinite, before the product and behind it.
static void factors_beyond_numbers_stay_a_step(void **state)
{
	static const float FACTORS[4] = { INFINITY, -INFINITY, NAN, 3e38f };
	static const float SEVERAL[6] = { 2, 2, 2, 2, 2, 2 };

	for (uint32_t i = 0; i < 8; i++) {
		const float factors[3] = { FACTORS[i / 2], FACTORS[i / 2], FACTORS[i / 2] };

		begin(2);
		if (i % 2)
			then(OP_MUL, tensor(1, 2, 0, factors), GRAPH_NONE);
		then(OP_MATMUL, tensor(2, 2, 3, SEVERAL), GRAPH_NONE);
		if (i % 2 == 0)
			then(OP_MUL, tensor(1, 3, 0, factors), GRAPH_NONE);
		finish();
		assert_int_equal(graph->n_nodes, 2);
		assert_int_equal(graph->nodes[i % 2].op, OP_DENSE);
		for (uint32_t w = 0; w < 6; w++)
			assert_true(tensor_floats(graph, graph->nodes[i % 2].inputs[1])[w] == 2);
		if (i < 7)
			tear_down(state);
	}
}

// -0 / 1 * -1 is 0 and 0 / 1 * -1 is -0, also where that is one Affine.
static void what_scales_does_not_shift(void **state)
{
	static const float ONE[2] = { 1, 1 }, MINUS[2] = { -1, -2 };

	begin(2);
	then(OP_DIV, tensor(1, 2, 0, ONE), GRAPH_NONE);
	then(OP_MUL, tensor(1, 2, 0, MINUS), GRAPH_NONE);
	finish();
	assert_int_equal(graph->n_nodes, 1);
	assert_int_equal(graph->nodes[0].op, OP_AFFINE);
	for (uint32_t c = 0; c < 2; c++) {
		assert_true(tensor_floats(graph, graph->nodes[0].inputs[1])[c] == MINUS[c]);
		assert_true(tensor_floats(graph, graph->nodes[0].inputs[2])[c] == 0);
		assert_true(signbit(tensor_floats(graph, graph->nodes[0].inputs[2])[c]));
	}
}

static void two_readers_keep_their_step(void **state)
{
	uint32_t middle;

	begin(2);
	then(OP_MATMUL, tensor(2, 2, 3, W), GRAPH_NONE);
	middle = at;
	then(OP_RELU, GRAPH_NONE, GRAPH_NONE);
	then(OP_ADD, middle, GRAPH_NONE);
	finish();
	assert_int_equal(graph->n_nodes, 3);
	assert_int_equal(node_int(&graph->nodes[0], ATTR_ACTIVATION, 0), ACTIVATION_NONE);
}

static void constants_are_computed_once(void **state)
{
	uint32_t x, sum;

	begin(3);
	x = at;
	at = tensor(1, 3, 0, B);
	then(OP_ADD, tensor(1, 3, 0, S), GRAPH_NONE);
	sum = at;
	at = x;
	then(OP_MUL, sum, GRAPH_NONE);
	finish();
	assert_int_equal(graph->n_nodes, 1);
	assert_true(tensor_floats(graph, graph->nodes[0].inputs[1])[1] == 23);
}

static void dead_nodes_and_weights_go(void **state)
{
	uint32_t x;

	begin(2);
	x = at;
	then(OP_MATMUL, tensor(2, 2, 3, W), GRAPH_NONE);
	at = x;
	then(OP_TANH, GRAPH_NONE, GRAPH_NONE);
	finish();
	assert_int_equal(graph->n_nodes, 1);
	assert_int_equal(graph->n_tensors, 2);
}

static void input_handed_out_stays_a_step(void **state)
{
	begin(2);
	then(OP_IDENTITY, GRAPH_NONE, GRAPH_NONE);
	finish();
	assert_int_equal(graph->n_nodes, 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(matmul_add_relu_is_one_dense),
		CASE(scaler_and_batch_norm_fold_into_dense),
		CASE(large_shift_stays_a_step),
		CASE(factors_beyond_numbers_stay_a_step),
		CASE(what_scales_does_not_shift),
		CASE(two_readers_keep_their_step),
		CASE(constants_are_computed_once),
		CASE(dead_nodes_and_weights_go),
		CASE(input_handed_out_stays_a_step),
	};
	return cmocka_run_group_tests_name("passes", tests, NULL, NULL);
}
