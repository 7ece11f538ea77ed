// SPDX-License-Identifier: BSD-3-Clause
// LayerNormalization, Softmax and Gelu out of primitive operators: each spelling becomes the operator
// and scores as before; what only looks like one stays as it is.
#include "infer/compile/passes/run.h"
#include "infer/graph/arena.h"
#include "tests/cmocka.h"
#include "tests/unit/network_check.h"

#include <stdlib.h>
#include <string.h>

// How a graph is spelled: each field is one way to write a part of it, or to write it wrong.
struct spelling {
	unsigned power; // 0: Pow by 2; 1: Mul by itself; 2: Pow by 3
	bool inverse;   // * (1 / deviation), else / deviation
	bool left;      // factors and summands the other way round
	bool twice;     // x - mean(x) is there twice
	bool no_scale, no_bias;
	bool leading;      // the constants have a dimension before the normalised ones
	bool wide_epsilon; // of several values
	bool wide_scale;   // a constant for all rows
	bool read_again;   // the centred values are an operand elsewhere, too
	bool first_axis;   // the mean of another dimension
	bool other_axis;   // the mean of the squares is of another dimension than the mean
	unsigned n_axes;   // 0: 1
	float most_of;     // Softmax: x - max(x * most_of)
};

static struct graph *graph;

static uint32_t one(enum op op, uint32_t x)
{
	return graph_op(graph, op, 1, &x);
}

static uint32_t two(enum op op, uint32_t a, uint32_t b)
{
	return graph_op(graph, op, 2, (uint32_t[]){ a, b });
}

static uint32_t either(enum op op, bool swapped, uint32_t a, uint32_t b)
{
	return swapped ? two(op, b, a) : two(op, a, b);
}

static uint32_t value(float v)
{
	float *data = arena_memdup(graph->arena, &v, sizeof(v));

	assert_non_null(data);
	return graph_add_tensor(graph, network_name(graph), DTYPE_F32, 0, NULL, data, NULL);
}

static uint32_t constant(uint32_t rank, const int64_t *dims, unsigned seed)
{
	return graph_f32_constant(graph, network_name(graph), rank, dims, seed);
}

static uint32_t reduced(enum op op, uint32_t x, uint32_t first, uint32_t n)
{
	struct node *node = network_node(graph, op, 1, &x);
	int64_t axes[3];

	for (uint32_t i = 0; i < n; i++)
		axes[i] = first + i;
	assert_int_equal(node_set_ints(graph, node, ATTR_AXES, n, axes), 0);
	return network_output(graph, node, 0);
}

// Of x [1, 3, 4, 5], normalised over its last dimensions.
static uint32_t layer_norm(uint32_t x, const struct spelling *s)
{
	const uint32_t n = s->n_axes ? s->n_axes : 1, axis = s->first_axis ? 1 : 4 - n;
	const int64_t dims[4] = { 1, s->wide_scale ? 3 : 1, n > 1 ? 4 : 1, 5 };
	const uint32_t from = s->leading || s->wide_scale ? 1 : 4 - n;
	uint32_t mean = reduced(OP_REDUCE_MEAN, x, axis, n);
	uint32_t centred = two(OP_SUB, x, mean), again, y;

	again = s->twice ? two(OP_SUB, x, mean) : centred;
	y = s->power == 1 ? two(OP_MUL, again, again)
			  : two(OP_POW, again, value(s->power == 2 ? 3 : 2));
	y = reduced(OP_REDUCE_MEAN, s->power == 2 ? one(OP_ABS, y) : y, s->other_axis ? 1 : axis,
		s->other_axis ? 1 : n);
	y = either(OP_ADD, s->left, y,
		s->wide_epsilon ? constant(1, (int64_t[]){ 5 }, 3) : value(1e-3f));
	if (s->wide_epsilon)
		y = one(OP_ABS, y);
	y = one(OP_SQRT, y);
	y = s->inverse ? either(OP_MUL, s->left, centred, one(OP_RECIPROCAL, y))
		       : two(OP_DIV, centred, y);
	if (!s->no_scale)
		y = either(OP_MUL, s->left, y, constant(4 - from, dims + from, 1));
	if (!s->no_bias)
		y = either(OP_ADD, s->left, y, constant(4 - from, dims + from, 2));
	return s->read_again ? two(OP_ADD, y, centred) : y;
}

static uint32_t softmax(uint32_t x, const struct spelling *s)
{
	const uint32_t axis = s->first_axis ? 1 : 3, n = s->n_axes ? s->n_axes : 1;
	uint32_t y = s->most_of != 0 ? two(OP_MUL, x, value(s->most_of)) : x, e;

	e = one(OP_EXP, two(OP_SUB, x, reduced(OP_REDUCE_MAX, y, axis, n)));
	y = two(OP_DIV, e, reduced(OP_REDUCE_SUM, e, s->other_axis ? 2 : axis, n));
	return s->read_again ? two(OP_ADD, y, e) : y;
}

typedef uint32_t speller(uint32_t x, const struct spelling *s);

static struct graph *spelled(speller *spell, const struct spelling *s)
{
	uint32_t x;

	graph = graph_create();
	assert_non_null(graph);
	x = graph_f32(graph, "x", 4, (int64_t[]){ 1, 3, 4, 5 });
	graph_finish(graph, x, spell(x, s));
	return graph;
}

static uint32_t count_of(enum op op)
{
	uint32_t count = 0;

	for (uint32_t n = 0; n < graph->n_nodes; n++)
		count += graph->nodes[n].op == op;
	return count;
}

// The passes make of it `nodes` nodes, one of them an `op`; or none, where `nodes` is 0.
static void check(speller *spell, struct spelling s, enum op op, uint32_t nodes)
{
	struct graph *before = spelled(spell, &s);
	struct compile_report report = { 0 };
	struct error err = { .text = "" };

	spelled(spell, &s);
	if (passes_run(graph, &report, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(count_of(op), nodes > 0);
	if (nodes > 0)
		assert_int_equal(graph->n_nodes, nodes);
	network_same(before, graph, 1e-5, 1);
	network_check(graph, 1e-5, 1);
	compile_report_fini(&report);
	graph_destroy(before);
	graph_destroy(graph);
}

#define CHECK(spell, op, nodes, ...) check(spell, (struct spelling){ __VA_ARGS__ }, op, nodes)

static void spellings_are_layer_norms(void **state)
{
	for (unsigned i = 0; i < 256; i++) {
		const struct spelling s = { .power = i & 1,
			.inverse = i >> 1 & 1,
			.left = i >> 2 & 1,
			.twice = i >> 3 & 1,
			.no_scale = i >> 4 & 1,
			.no_bias = i >> 5 & 1,
			.leading = i >> 6 & 1,
			.n_axes = 1 + (i >> 7 & 1) };

		check(layer_norm, s, OP_LAYER_NORM, 1);
	}
}

static void others_are_no_layer_norms(void **state)
{
	CHECK(layer_norm, OP_LAYER_NORM, 0, .power = 2);
	CHECK(layer_norm, OP_LAYER_NORM, 0, .wide_epsilon = true);
	CHECK(layer_norm, OP_LAYER_NORM, 0, .read_again = true);
	CHECK(layer_norm, OP_LAYER_NORM, 0, .first_axis = true);
	CHECK(layer_norm, OP_LAYER_NORM, 0, .other_axis = true);
	CHECK(layer_norm, OP_LAYER_NORM, 0, .first_axis = true, .n_axes = 2);
}

// A constant of all rows is none of the operator's: the normalisation is found, what follows stays.
static void constants_of_rows_stay(void **state)
{
	CHECK(layer_norm, OP_LAYER_NORM, 3, .wide_scale = true);
}

static void spellings_are_softmaxes(void **state)
{
	CHECK(softmax, OP_SOFTMAX, 1, .most_of = 0);
	CHECK(softmax, OP_SOFTMAX, 1, .first_axis = true);
}

static void others_are_no_softmaxes(void **state)
{
	CHECK(softmax, OP_SOFTMAX, 0, .most_of = 0.5f);
	CHECK(softmax, OP_SOFTMAX, 0, .other_axis = true);
	CHECK(softmax, OP_SOFTMAX, 0, .read_again = true);
	CHECK(softmax, OP_SOFTMAX, 0, .first_axis = true, .n_axes = 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spellings_are_layer_norms),
		cmocka_unit_test(others_are_no_layer_norms),
		cmocka_unit_test(constants_of_rows_stay),
		cmocka_unit_test(spellings_are_softmaxes),
		cmocka_unit_test(others_are_no_softmaxes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
