// SPDX-License-Identifier: BSD-3-Clause
// graph_check() and graph_add_*() refuse what graph.h excludes, each with its sentence.
#include "infer/graph/arena.h"
#include "infer/graph/graph.h"
#include "infer/ops/check.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"

#include <string.h>

static struct graph *graph;
static uint32_t x, a, b; // b = relu(a = relu(x))

static int set_up(void **state)
{
	struct error err = { .text = "" };

	graph = graph_create();
	x = graph_f32(graph, "x", 2, (int64_t[]){ 1, 4 });
	a = graph_op(graph, OP_RELU, 1, &x);
	b = graph_op(graph, OP_RELU, 1, &a);
	graph_finish(graph, x, b);
	return graph_check(graph, &err);
}

static int tear_down(void **state)
{
	graph_destroy(graph);
	return 0;
}

static void refused(const char *part)
{
	struct error err = { .text = "" };

	assert_int_equal(graph_check(graph, &err), -EINVAL);
	if (!strstr(err.text, part))
		fail_msg("'%s' lacks '%s'", err.text, part);
}

static void cycle(void **state)
{
	graph->nodes[0].inputs[0] = b;
	refused("a cycle, or a dangling name");
}

static void tensor_that_nobody_makes(void **state)
{
	graph->nodes[1].inputs[0] = graph_f32(graph, "nobody", 2, (int64_t[]){ 1, 4 });
	refused("\"nobody\" comes from no input, constant or earlier node");
}

static void output_that_nobody_makes(void **state)
{
	graph->outputs[0].tensor = graph_f32(graph, "nobody", 2, (int64_t[]){ 1, 4 });
	refused("output \"nobody\" is computed by no node");
}

static void two_producers(void **state)
{
	graph->nodes[1].outputs[0] = a;
	refused("has two sources");
	graph->nodes[1].outputs[0] = x;
	refused("has two sources");
}

static void indices_beyond(void **state)
{
	graph->nodes[1].inputs[0] = graph->n_tensors;
	refused("input 0 is missing or names no tensor");
	graph->nodes[1].inputs[0] = GRAPH_NONE;
	refused("input 0 is missing or names no tensor");
	graph->nodes[1].inputs[0] = a;
	graph->nodes[1].outputs[0] = UINT32_MAX - 1;
	refused("output 0 is missing or names no tensor");
	graph->nodes[1].outputs[0] = b;
	graph->inputs[0].tensor = graph->n_tensors;
	refused("input 0 names tensor 3 of 3");
}

static void operator_and_arity(void **state)
{
	graph->nodes[1].op = OP_COUNT;
	refused("operator");
	graph->nodes[1].op = (enum op)UINT32_MAX;
	refused("operator");
	graph->nodes[1].op = OP_ADD;
	refused("has 1 inputs, should have 2 to 2");
	graph->nodes[1].op = OP_RELU;
	graph->nodes[1].n_outputs = 0;
	refused("has 0 outputs");
}

static void dimensions_and_products(void **state)
{
	graph->tensors[a].dims[1] = (int64_t)1 << 31;
	refused("has dimension 2147483648");
	graph->tensors[a].dims[1] = -1;
	refused("has dimension -1");
	graph->tensors[a].dims[0] = graph->tensors[a].dims[1] = GRAPH_ELEMENTS_MAX;
	refused("elements supported");
	graph->tensors[a].rank = GRAPH_RANK_MAX; // 2^28 to the sixth leaves 64 bits
	for (int d = 0; d < GRAPH_RANK_MAX; d++)
		graph->tensors[a].dims[d] = GRAPH_ELEMENTS_MAX;
	refused("elements supported");
	graph->tensors[a].rank = GRAPH_RANK_MAX + 1;
	refused("dimensions, at most");
	graph->tensors[a].rank = UINT32_MAX;
	refused("dimensions, at most");
}

static void shape_and_type_that_lie(void **state)
{
	graph->tensors[a].dims[1] = 5;
	refused("output \"");
	graph->tensors[a].dims[1] = 4;
	graph->tensors[a].dtype = DTYPE_F64;
	refused("float64");
	graph->tensors[a].dtype = DTYPE_COUNT;
	refused("unknown element type");
}

static void columns_that_do_not_add_up(void **state)
{
	graph->n_features = 5;
	refused("columns of the inputs do not add up to 5");
	graph->n_features = 4;
	graph->outputs[0].first_column = 1;
	refused("starts at column 1");
	graph->outputs[0].first_column = 0;
	graph->n_outputs = 0;
	refused("has no output");
}

static void attributes(void **state)
{
	struct node *node = &graph->nodes[0];

	assert_int_equal(node_set_int(graph, node, ATTR_ALPHA, 1), 0);
	refused("attribute \"alpha\" is of the wrong kind");
	assert_int_equal(node_set_float(graph, node, ATTR_ALPHA, 1), 0);
	assert_int_equal(node->n_attrs, 1); // the new value took the old one's place
	assert_int_equal(node_set_int(graph, node, ATTR_AXIS, 1), 0);
	node->attrs[1] = node->attrs[0];
	refused("given twice");
	node->attrs[1].key = ATTR_KEY_COUNT;
	refused("unknown key");
}

static void counts_beyond_limits(void **state)
{
	graph->n_nodes = GRAPH_NODES_MAX + 1;
	refused("too big");
	graph->n_nodes = 2;
	graph->n_tensors = UINT32_MAX;
	refused("too big");
}

static void adding_beyond_limits(void **state)
{
	static uint32_t many[GRAPH_NODE_IO_MAX + 1];
	struct error err = { .text = "" };

	assert_int_equal(graph_add_tensor(graph, "t", DTYPE_F32, 1, (int64_t[]){ (int64_t)1 << 31 },
				 NULL, &err),
		GRAPH_NONE);
	assert_non_null(strstr(err.text, "tensor \"t\""));
	assert_int_equal(graph_add_node(graph, OP_CONCAT, "wide", GRAPH_NODE_IO_MAX + 1, many, 1,
				 many, &err),
		GRAPH_NONE);
	assert_non_null(strstr(err.text, "wide"));
	assert_int_equal(graph->n_nodes, 2);
}

// --- The arena beneath --------------------------------------------------------------------------

static void arena_blocks_are_zero_aligned_and_apart(void **state)
{
	struct arena *arena = arena_create((size_t)1 << 20);
	uint8_t *before = NULL;

	for (size_t bytes = 0; bytes < 40000; bytes = bytes * 3 + 1) {
		uint8_t *block = arena_alloc(arena, bytes);

		assert_non_null(block);
		assert_int_equal((uintptr_t)block % 64, 0);
		for (size_t i = 0; i < bytes; i++)
			assert_int_equal(block[i], 0);
		memset(block, 0xa5, bytes);
		assert_true(block != before);
		before = block;
	}
	assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
	arena_destroy(arena);
	arena_destroy(NULL);
}

static void arena_keeps_to_its_budget(void **state)
{
	struct arena *arena = arena_create(1000);

	assert_null(arena_alloc(arena, 1001));
	assert_null(arena_alloc(arena, SIZE_MAX));
	assert_null(arena_alloc(arena, SIZE_MAX - 100));
	assert_null(arena_calloc(arena, SIZE_MAX / 2, 4));
	for (int i = 0; i < 15; i++) // 15 blocks of 64
		assert_non_null(arena_alloc(arena, 1));
	assert_null(arena_alloc(arena, 1));
	arena_destroy(arena);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(cycle),
		CASE(tensor_that_nobody_makes),
		CASE(output_that_nobody_makes),
		CASE(two_producers),
		CASE(indices_beyond),
		CASE(operator_and_arity),
		CASE(dimensions_and_products),
		CASE(shape_and_type_that_lie),
		CASE(columns_that_do_not_add_up),
		CASE(attributes),
		CASE(counts_beyond_limits),
		CASE(adding_beyond_limits),
		cmocka_unit_test(arena_blocks_are_zero_aligned_and_apart),
		cmocka_unit_test(arena_keeps_to_its_budget),
	};

	return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
