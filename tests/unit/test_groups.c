// SPDX-License-Identifier: BSD-3-Clause
// Which operators run together as one step, and that they compute what each of them would by
// itself: graphs drawn by seed against the plain forms, which are all that the scalar set has.
#include "infer/graph/arena.h"
#include "infer/kernels/elementwise/chain.h"
#include "infer/plan/plan.h"
#include "infer/plan/step.h"
#include "tests/cmocka.h"
#include "tests/unit/network_check.h"

#include <stdlib.h>
#include <string.h>

static uint32_t one(struct graph *graph, enum op op, uint32_t x)
{
	return graph_op(graph, op, 1, &x);
}

static uint32_t two(struct graph *graph, enum op op, uint32_t a, uint32_t b)
{
	return graph_op(graph, op, 2, (uint32_t[]){ a, b });
}

static uint32_t constant(struct graph *graph, uint32_t rank, const int64_t *dims, unsigned seed)
{
	return graph_f32_constant(graph, network_name(graph), rank, dims, seed);
}

static uint32_t reshaped(struct graph *graph, uint32_t x, uint32_t rank, const int64_t *dims)
{
	struct node *node = network_node(graph, OP_RESHAPE, 1, &x);

	assert_int_equal(node_set_ints(graph, node, ATTR_SHAPE, rank, dims), 0);
	return network_output(graph, node, 0);
}

static struct graph *begin(int64_t columns, uint32_t *x)
{
	struct graph *graph = graph_create();

	assert_non_null(graph);
	*x = graph_f32(graph, "x", 2, (int64_t[]){ 1, columns });
	return graph;
}

// Calls `note` for each step of the graph's plan, once its scores are checked. Destroys the graph.
static void check_plan(
	struct graph *graph, void (*note)(const struct step *step, void *to), void *to)
{
	const struct model_options options = { .no_timing = true };
	struct arena *arena = arena_create((size_t)64 << 20);
	struct error err = { .text = "" };
	struct plan plan;

	if (!(isa_detected() & KERNEL_VECTORS))
		skip();
	assert_non_null(arena);
	network_check(graph, 1e-5, 1);
	if (plan_build(&plan, graph, arena, isa_detected(), &options, &err) != 0)
		fail_msg("%s", err.text);
	for (uint32_t s = 0; s < plan.n_steps; s++)
		note(&plan.steps[s], to);
	arena_destroy(arena);
	graph_destroy(graph);
}

static void note_name(const struct step *step, void *to)
{
	const size_t length = strlen(to);

	snprintf((char *)to + length, 200 - length, "%s%.20s", length ? " " : "", step->op);
}

static void note_elementwise(const struct step *step, void *to)
{
	*(uint32_t *)to += strcmp(step->op, "Elementwise") == 0;
}

// The steps of the plan as "op op op".
static void check_steps(struct graph *graph, const char *want)
{
	char steps[200] = "";

	check_plan(graph, note_name, steps);
	assert_string_equal(steps, want);
}

static void elementwise_operators_are_one_step(void **state)
{
	uint32_t x, y;
	struct graph *graph = begin(9, &x);

	y = one(graph, OP_EXP, one(graph, OP_TANH, x));
	y = two(graph, OP_MUL, y, constant(graph, 1, (int64_t[]){ 9 }, 1));
	y = two(graph, OP_ADD, constant(graph, 0, NULL, 2), y);
	y = two(graph, OP_DIV, y, two(graph, OP_MAX, x, one(graph, OP_SIGMOID, x)));
	graph_finish(graph, x, one(graph, OP_ABS, two(graph, OP_MIN, y, one(graph, OP_ERF, x))));
	check_steps(graph, "Elementwise");
}

static void result_that_is_an_output_is_a_step(void **state)
{
	uint32_t x, y;
	struct graph *graph = begin(4, &x);
	struct graph_port *outputs = arena_calloc(graph->arena, 2, sizeof(*outputs));

	y = one(graph, OP_EXP, one(graph, OP_TANH, x));
	outputs[0].tensor = y;
	outputs[1].tensor = one(graph, OP_ABS, one(graph, OP_NEG, y));
	outputs[1].first_column = 4;
	graph_finish(graph, x, x);
	graph->outputs = outputs;
	graph->n_outputs = 2;
	graph->n_columns_out = 8;
	graph->output_names = (const char *[]){ "a", "b", "c", "d", "e", "f", "g", "h" };
	check_steps(graph, "Elementwise Elementwise Copy Copy");
}

static void result_that_others_read_is_a_step(void **state)
{
	uint32_t x, y, z;
	struct graph *graph = begin(4, &x);

	y = one(graph, OP_EXP, one(graph, OP_TANH, x));
	z = one(graph, OP_SOFTMAX, y);
	graph_finish(graph, x, one(graph, OP_ABS, two(graph, OP_ADD, y, z)));
	check_steps(graph, "Elementwise Softmax Elementwise");
}

static void broadcast_results_are_steps(void **state)
{
	const int64_t dims[3] = { 3, 1, 4 }, row[1] = { 4 };
	uint32_t x, y, z;
	struct graph *graph = begin(4, &x);

	y = one(graph, OP_ABS, one(graph, OP_NEG, x)); // [1, 4], spread over [3, 1, 4]
	z = two(graph, OP_MUL, y, constant(graph, 3, dims, 1));
	z = two(graph, OP_SUB, z, constant(graph, 1, row, 2));
	graph_finish(graph, x, two(graph, OP_ADD, z, constant(graph, 3, dims, 3)));
	check_steps(graph, "Elementwise Elementwise");
}

static void truths_stay_within_a_step(void **state)
{
	uint32_t x, y;
	struct graph *graph = begin(5, &x);

	y = two(graph, OP_AND, two(graph, OP_GREATER, x, constant(graph, 0, NULL, 1)),
		one(graph, OP_NOT, one(graph, OP_IS_NAN, x)));
	y = graph_op(graph, OP_WHERE, 3, (uint32_t[]){ y, one(graph, OP_EXP, x), x });
	graph_finish(graph, x, y);
	check_steps(graph, "Elementwise");
}

// A truth that is read in two steps is a step itself, of the plain form, and is read by bytes.
static void truths_of_two_steps_are_bytes(void **state)
{
	uint32_t x, y, z;
	struct graph *graph = begin(5, &x);

	y = two(graph, OP_LESS, x, constant(graph, 0, NULL, 1));
	z = graph_op(graph, OP_WHERE, 3, (uint32_t[]){ y, one(graph, OP_ABS, x), x });
	z = one(graph, OP_SOFTMAX, z);
	z = graph_op(graph, OP_WHERE, 3, (uint32_t[]){ y, z, one(graph, OP_ABS, x) });
	graph_finish(graph, x, z);
	check_steps(graph, "Less Elementwise Softmax Elementwise");
}

static void views_do_not_end_a_step(void **state)
{
	uint32_t x, y;
	struct graph *graph = begin(12, &x);

	y = reshaped(graph, one(graph, OP_EXP, x), 2, (int64_t[]){ 3, 4 });
	y = two(graph, OP_MUL, y, constant(graph, 2, (int64_t[]){ 3, 1 }, 1));
	y = reshaped(graph, y, 3, (int64_t[]){ 2, 2, 3 });
	y = two(graph, OP_ADD, y, constant(graph, 3, (int64_t[]){ 2, 1, 1 }, 2));
	graph_finish(graph, x, one(graph, OP_ABS, y));
	check_steps(graph, "Elementwise");
}

static uint32_t slice(
	struct graph *graph, uint32_t x, uint32_t axis, int64_t start, int64_t step, int64_t count)
{
	const struct tensor in = graph->tensors[x];
	int64_t starts[4] = { 0 }, steps[4] = { 1, 1, 1, 1 }, shape[4];
	struct node *node = network_node(graph, OP_SLICE, 1, &x);

	memcpy(shape, in.dims, in.rank * sizeof(*shape));
	starts[axis] = start;
	steps[axis] = step;
	shape[axis] = count;
	assert_int_equal(node_set_ints(graph, node, ATTR_STARTS, in.rank, starts), 0);
	assert_int_equal(node_set_ints(graph, node, ATTR_STEPS, in.rank, steps), 0);
	assert_int_equal(node_set_ints(graph, node, ATTR_SHAPE, in.rank, shape), 0);
	return network_output(graph, node, 0);
}

// The gates of a recurrent cell that an exporter split: they are read where they are.
static void slices_are_read_in_place(void **state)
{
	uint32_t x, y, z;
	struct graph *graph = begin(12, &x);

	x = one(graph, OP_SOFTMAX, x);
	y = one(graph, OP_SIGMOID, slice(graph, x, 1, 0, 1, 4));
	z = two(graph, OP_MUL, y, one(graph, OP_TANH, slice(graph, x, 1, 11, -2, 4)));
	z = two(graph, OP_ADD, z, slice(graph, x, 1, 4, 1, 4));
	graph_finish(graph, 0, z);
	check_steps(graph, "Softmax Elementwise");
}

// What a slice is of is computed before, though it has as many values.
static void slices_of_all_values_are_of_memory(void **state)
{
	uint32_t x, y;
	struct graph *graph = begin(6, &x);

	y = one(graph, OP_EXP, one(graph, OP_TANH, x));
	graph_finish(graph, x, two(graph, OP_SUB, y, slice(graph, y, 1, 5, -1, 6)));
	check_steps(graph, "Elementwise Elementwise");
}

static void thousands_of_operators_are_one_step(void **state)
{
	uint32_t x, y;
	struct graph *graph = begin(3, &x);

	y = x;
	for (unsigned i = 0; i < 2000; i++) {
		y = two(graph, OP_ADD, y, constant(graph, 1, (int64_t[]){ 3 }, i));
		y = one(graph, OP_TANH, y);
	}
	graph_finish(graph, x, y);
	check_steps(graph, "Elementwise");
}

// A sum of more inputs than a step may read.
static void inputs_of_a_step_are_bounded(void **state)
{
	uint32_t x, y = GRAPH_NONE, steps = 0;
	struct graph *graph = begin(4, &x);

	for (unsigned i = 0; i < 2 * CHAIN_INPUTS_MAX; i++) {
		const uint32_t z = one(graph, OP_SOFTMAX, x);

		y = i ? two(graph, OP_ADD, y, z) : z;
	}
	graph_finish(graph, x, y);
	check_plan(graph, note_elementwise, &steps);
	assert_int_equal(steps, 2);
}

static void powers_are_products_and_roots(void **state)
{
	static const float BY[] = { 2, 3, 0.5f, -0.5f, -1 };
	uint32_t x, y;
	struct graph *graph = begin(4, &x);

	y = one(graph, OP_SIGMOID, x);
	for (size_t i = 0; i < 5; i++)
		y = two(graph, OP_POW, y,
			graph_add_tensor(
				graph, network_name(graph), DTYPE_F32, 0, NULL, &BY[i], NULL));
	graph_finish(graph, x, y);
	check_steps(graph, "Elementwise");
}

// --- Drawn by seed -------------------------------------------------------------------------------

#define POOL 400

struct drawn {
	struct graph *graph;
	unsigned seed;
	uint32_t x, count, tensors[POOL];
};

static uint32_t draw(struct drawn *drawn)
{
	const uint32_t recent = drawn->count < 6 ? drawn->count : 6;

	return network_below(&drawn->seed, 4)
		? drawn->tensors[drawn->count - 1 - network_below(&drawn->seed, recent)]
		: drawn->tensors[network_below(&drawn->seed, drawn->count)];
}

// A constant that broadcasts to t without widening it.
static uint32_t draw_constant(struct drawn *drawn, uint32_t t)
{
	const struct tensor to = drawn->graph->tensors[t];
	const uint32_t rank = network_below(&drawn->seed, to.rank + 1);
	int64_t dims[4];

	for (uint32_t d = 0; d < rank; d++)
		dims[d] = network_below(&drawn->seed, 3) ? to.dims[to.rank - rank + d] : 1;
	return constant(drawn->graph, rank, dims, drawn->seed);
}

static uint32_t draw_truth(struct drawn *drawn)
{
	static const enum op OPS[] = { OP_LESS, OP_GREATER, OP_LESS_OR_EQUAL, OP_GREATER_OR_EQUAL,
		OP_EQUAL };
	struct graph *graph = drawn->graph;
	uint32_t a = two(graph, OPS[network_below(&drawn->seed, 5)], drawn->x,
		draw_constant(drawn, drawn->x));

	if (network_below(&drawn->seed, 3) == 0)
		a = one(graph, OP_NOT, a);
	if (network_below(&drawn->seed, 3) == 0)
		a = two(graph,
			network_below(&drawn->seed, 2)           ? OP_AND
				: network_below(&drawn->seed, 2) ? OP_OR
								 : OP_XOR,
			a, one(graph, OP_IS_NAN, drawn->x));
	return a;
}

static uint32_t draw_one(struct drawn *drawn)
{
	static const enum op ONE[] = { OP_TANH, OP_SIGMOID, OP_ABS, OP_NEG, OP_ERF, OP_RELU,
		OP_GELU, OP_SOFTPLUS };
	static const enum op TWO[] = { OP_ADD, OP_SUB, OP_MIN, OP_MAX, OP_MUL };
	struct graph *graph = drawn->graph;
	uint32_t t = draw(drawn), other = draw(drawn);
	const struct tensor from = graph->tensors[t];
	const uint32_t kind = network_below(&drawn->seed, 22);
	const uint32_t axis = network_below(&drawn->seed, from.rank);

	if (kind < 7)
		return one(graph, ONE[network_below(&drawn->seed, 8)], t);
	if (kind < 12)
		return one(
			graph, OP_TANH, two(graph, TWO[network_below(&drawn->seed, 5)], t, other));
	if (kind < 15)
		return one(graph, OP_TANH,
			two(graph, TWO[network_below(&drawn->seed, 5)], draw_constant(drawn, t),
				t));
	if (kind == 15)
		return two(graph, OP_PRELU, t, draw_constant(drawn, t));
	if (kind == 16)
		return graph_op(graph, OP_WHERE, 3, (uint32_t[]){ draw_truth(drawn), t, other });
	if (kind == 17) { // broadcast to what is not as big
		struct node *node = network_node(graph, OP_REDUCE_MEAN, 1, &t);

		node_set_ints(graph, node, ATTR_AXES, 1, (int64_t[]){ axis });
		return two(graph, OP_SUB, other, network_output(graph, node, 0));
	}
	if (kind == 18) {
		const int64_t flat[1] = { tensor_elements(&from) };

		t = one(graph, OP_ABS, reshaped(graph, t, 1, flat));
		return reshaped(graph, t, from.rank, from.dims);
	}
	if (kind == 19)
		return slice(graph, t, axis, from.dims[axis] - 1, -1, from.dims[axis]);
	if (kind == 20)
		return two(graph, OP_SUB, other,
			slice(graph, t, axis,
				network_below(&drawn->seed, (uint32_t)from.dims[axis]), 1, 1));
	return one(graph, OP_SOFTMAX, t);
}

static void drawn_graphs_agree_with_the_plain_forms(void **state)
{
	for (unsigned i = 0; i < 250; i++) {
		struct drawn drawn = { .graph = graph_create(), .seed = i * 7919 + 3, .count = 1 };
		const uint32_t rank = 1 + network_below(&drawn.seed, 3);
		const uint32_t steps = 2 + network_below(&drawn.seed, i % 10 ? 40 : POOL - 3);
		int64_t dims[4] = { 1 };

		assert_non_null(drawn.graph);
		for (uint32_t d = 1; d <= rank; d++)
			dims[d] = 1 + network_below(&drawn.seed, rank == 1 ? 700 : 12);
		drawn.x = drawn.tensors[0] = graph_f32(drawn.graph, "x", rank + 1, dims);
		while (drawn.count < steps)
			drawn.tensors[drawn.count++] = draw_one(&drawn);
		graph_finish(drawn.graph, drawn.x, drawn.tensors[drawn.count - 1]);
		network_check(drawn.graph, 1e-4, i);
		graph_destroy(drawn.graph);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elementwise_operators_are_one_step),
		cmocka_unit_test(result_that_is_an_output_is_a_step),
		cmocka_unit_test(result_that_others_read_is_a_step),
		cmocka_unit_test(broadcast_results_are_steps),
		cmocka_unit_test(truths_stay_within_a_step),
		cmocka_unit_test(truths_of_two_steps_are_bytes),
		cmocka_unit_test(views_do_not_end_a_step),
		cmocka_unit_test(slices_are_read_in_place),
		cmocka_unit_test(slices_of_all_values_are_of_memory),
		cmocka_unit_test(thousands_of_operators_are_one_step),
		cmocka_unit_test(inputs_of_a_step_are_bounded),
		cmocka_unit_test(powers_are_products_and_roots),
		cmocka_unit_test(drawn_graphs_agree_with_the_plain_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
