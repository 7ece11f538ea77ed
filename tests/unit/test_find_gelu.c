// SPDX-License-Identifier: BSD-3-Clause
// Gelu out of primitive operators: each order of its factors becomes the operator and scores as
// before; what only looks like one stays as it is.
#include "infer/compile/passes/run.h"
#include "infer/graph/arena.h"
#include "tests/cmocka.h"
#include "tests/unit/network_check.h"

#include <math.h>
#include <stdlib.h>

struct spelling {
	unsigned order;               // of x, 0.5 and Phi: 0 to 11
	bool left;                    // summands, and factors of the argument, the other way round
	bool multiplied;              // x * (1 / sqrt(2)), else x / sqrt(2)
	unsigned tanh;                // 0: erf; else a form of tanh's argument, 1 to 4
	float half, root, one, cubic; // the constants; 0: the right ones
	bool other;                   // Phi is of other values than those that it is multiplied by
	bool read_again;              // Phi is read elsewhere, too
};

static struct graph *graph;

static uint32_t one(enum op op, uint32_t x)
{
	return graph_op(graph, op, 1, &x);
}

static uint32_t two(enum op op, bool swapped, uint32_t a, uint32_t b)
{
	return graph_op(graph, op, 2, (uint32_t[]){ swapped ? b : a, swapped ? a : b });
}

static uint32_t value(float v, float otherwise)
{
	float *data = arena_memdup(graph->arena, v != 0 ? &v : &otherwise, sizeof(v));

	assert_non_null(data);
	return graph_add_tensor(graph, network_name(graph), DTYPE_F32, 0, NULL, data, NULL);
}

static uint32_t tanh_argument(uint32_t x, const struct spelling *s)
{
	const uint32_t cubic = value(s->cubic, 0.044715f), k = value(s->root, 0.7978845608f);
	uint32_t power;

	if (s->tanh == 1)
		power = two(OP_POW, false, x, value(3, 3));
	else if (s->tanh == 2)
		power = two(OP_MUL, s->left, two(OP_MUL, false, x, x), x);
	else if (s->tanh == 3)
		power = two(OP_MUL, s->left, x, two(OP_POW, false, x, value(2, 2)));
	else // x k (1 + 0.044715 x x)
		return two(OP_MUL, s->left, two(OP_MUL, s->left, x, k),
			two(OP_ADD, s->left, value(1, 1),
				two(OP_MUL, s->left, two(OP_MUL, s->left, cubic, x), x)));
	return two(OP_MUL, s->left, two(OP_ADD, s->left, x, two(OP_MUL, s->left, power, cubic)), k);
}

static uint32_t phi(uint32_t x, const struct spelling *s)
{
	uint32_t y;

	if (s->tanh)
		y = one(OP_TANH, tanh_argument(x, s));
	else
		y = one(OP_ERF,
			s->multiplied ? two(OP_MUL, s->left, x, value(s->root, 0.70710678f))
				      : two(OP_DIV, false, x, value(s->root, 1.41421356f)));
	return two(OP_ADD, s->left, y, value(s->one, 1));
}

static uint32_t gelu(uint32_t x, const struct spelling *s)
{
	const uint32_t p = phi(s->other ? one(OP_NEG, x) : x, s), half = value(s->half, 0.5f);
	const uint32_t factors[3][3] = { { x, half, p }, { x, p, half }, { half, p, x } };
	const uint32_t *f = factors[s->order % 3];
	const uint32_t inner = two(OP_MUL, s->order / 3 & 1, f[0], f[1]);
	const uint32_t y = two(OP_MUL, s->order / 6 & 1, inner, f[2]);

	return s->read_again ? two(OP_ADD, false, y, p) : y;
}

static struct graph *spelled(const struct spelling *s)
{
	uint32_t x;

	graph = graph_create();
	assert_non_null(graph);
	x = graph_f32(graph, "x", 2, (int64_t[]){ 1, 11 });
	graph_finish(graph, x, gelu(x, s));
	return graph;
}

static void check(struct spelling s, bool found)
{
	struct graph *before = spelled(&s);
	struct compile_report report = { 0 };
	struct error err = { .text = "" };
	uint32_t count = 0;

	spelled(&s);
	if (passes_run(graph, &report, &err) != 0)
		fail_msg("%s", err.text);
	for (uint32_t n = 0; n < graph->n_nodes; n++)
		count += graph->nodes[n].op == OP_GELU;
	assert_int_equal(count, found);
	if (found) {
		assert_int_equal(graph->n_nodes, 1);
		assert_int_equal(node_int(&graph->nodes[0], ATTR_APPROXIMATE, 0), s.tanh != 0);
	}
	network_same(before, graph, 1e-5, 1);
	network_check(graph, 1e-5, 1);
	compile_report_fini(&report);
	graph_destroy(before);
	graph_destroy(graph);
}

static void spellings_are_gelus(void **state)
{
	for (unsigned order = 0; order < 12; order++) {
		for (unsigned i = 0; i < 4; i++)
			check(
				(struct spelling){
					.order = order, .left = i & 1, .multiplied = i >> 1 },
				true);
		for (unsigned i = 0; i < 8; i++)
			check((struct spelling){ .order = order, .left = i & 1, .tanh = 1 + i / 2 },
				true);
	}
}

static void others_are_no_gelus(void **state)
{
	static const struct spelling OTHERS[] = { { .half = 0.25f }, { .root = 1.5f }, { .one = 2 },
		{ .other = true }, { .read_again = true }, { .tanh = 1, .cubic = 0.05f },
		{ .tanh = 4, .cubic = 0.05f }, { .tanh = 2, .root = 0.8f },
		{ .tanh = 3, .other = true } };

	for (size_t i = 0; i < sizeof(OTHERS) / sizeof(*OTHERS); i++)
		check(OTHERS[i], false);
}

// Products of products without end are looked into only so far.
static void long_products_end(void **state)
{
	struct compile_report report = { 0 };
	struct error err = { .text = "" };
	uint32_t x, y;

	graph = graph_create();
	assert_non_null(graph);
	y = x = graph_f32(graph, "x", 2, (int64_t[]){ 1, 2 });
	for (unsigned i = 0; i < 3000; i++)
		y = two(OP_MUL, i & 1, y, i % 3 ? value(1.001f, 1) : x);
	graph_finish(graph, x, y);
	assert_int_equal(passes_run(graph, &report, &err), 0);
	compile_report_fini(&report);
	graph_destroy(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spellings_are_gelus),
		cmocka_unit_test(others_are_no_gelus),
		cmocka_unit_test(long_products_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
