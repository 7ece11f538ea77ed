// SPDX-License-Identifier: BSD-3-Clause
// What follows trees, or sums them, becomes part of them: the steps that are left, and the same scores.
#include "infer/compile/passes/run.h"
#include "infer/graph/arena.h"
#include "infer/image/image.h"
#include "infer/import/forest.h"
#include "infer/infer.h"
#include "infer/ops/check.h"
#include "infer/ops/table.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FEATURES 4
#define ROWS     64

static struct graph *graph;
static struct error err;

// A stump, or two: x[feature] < 0 ? a : b; of sets where `set` is not 0.
struct stump {
	uint32_t feature, set;
	float a, b;
};

static int read_stump(void *context, uint32_t number, struct forest_node *node,
	struct forest *forest, struct error *e)
{
	struct stump *stump = context;

	node->is_leaf = number > 0;
	if (node->is_leaf)
		return forest_weight(forest, 0, number == 1 ? stump->a : stump->b, e);
	node->feature = stump->feature;
	node->yes = 1;
	node->no = 2;
	node->kind = stump->set ? TREE_IN_SET : TREE_LESS;
	node->set = &stump->set;
	node->n_set = stump->set != 0;
	return 0;
}

static uint32_t add_stumps(uint32_t x, uint32_t n, const struct stump *stumps, float base)
{
	const uint32_t features = (uint32_t)tensor_elements(&graph->tensors[x]);
	struct forest *forest = forest_create(features, 1);
	char name[24];
	struct trees trees;
	uint32_t output;

	snprintf(name, sizeof(name), "trees%u", graph->n_tensors);
	assert_non_null(forest);
	for (uint32_t i = 0; i < n; i++) {
		struct stump stump = stumps[i];

		assert_int_equal(forest_add(forest, 3, 0, read_stump, &stump, &err), 0);
	}
	assert_int_equal(forest_trees(forest, &base, TREES_SUM, &trees, &err), 0);
	assert_int_equal(forest_emit(graph, name, &trees, x, &output, &err), 0);
	forest_destroy(forest);
	return output;
}

static uint32_t constant(float value)
{
	static const int64_t ONE = 1;
	float *data = arena_calloc(graph->arena, 1, sizeof(*data));
	char name[24];

	assert_non_null(data);
	*data = value;
	snprintf(name, sizeof(name), "c%u", graph->n_tensors);
	return graph_add_tensor(graph, name, DTYPE_F32, 1, &ONE, data, &err);
}

static uint32_t pair(enum op op, uint32_t a, uint32_t b)
{
	return graph_op(graph, op, 2, (uint32_t[]){ a, b });
}

static uint32_t begin(void)
{
	graph = graph_create();
	assert_non_null(graph);
	return graph_f32(graph, "x", 2, (int64_t[]){ 1, FEATURES });
}

static void score(float *outputs)
{
	const struct model_options rules = { .no_timing = true };
	static float rows[ROWS * FEATURES];
	struct model *model = NULL;
	unsigned seed = 5;
	size_t size = 0;
	void *image = NULL, *scratch;

	for (uint32_t i = 0; i < ROWS * FEATURES; i++)
		rows[i] = floorf(graph_random(&seed) * 16);
	if (graph_check(graph, &err) != 0 || image_write(graph, &image, &size, &err) != 0 ||
		model_open(image, size, &rules, &model, &err) != 0)
		fail_msg("%s", err.text);
	scratch = aligned_alloc(64, (model_scratch_bytes(model, ROWS) + 63) / 64 * 64);
	assert_non_null(scratch);
	model_score(model, rows, outputs, ROWS, scratch, ROWS);
	model_close(model);
	free(scratch);
	free(image);
}

// The passes leave `n` steps, and the scores are as before.
static void leaves_steps(uint32_t input, uint32_t output, uint32_t n, const enum op *ops)
{
	const size_t columns = (size_t)tensor_elements(&graph->tensors[output]);
	float *before = calloc(ROWS * columns, sizeof(float));
	float *after = calloc(ROWS * columns, sizeof(float));
	bool differ = false;

	assert_true(before && after);
	graph_finish(graph, input, output);
	score(before);
	if (passes_run(graph, NULL, &err) != 0)
		fail_msg("%s", err.text);
	score(after);
	for (size_t i = 0; i < ROWS * columns; i++) {
		if (!(fabsf(after[i] - before[i]) <= 1e-6f * fmaxf(1, fabsf(before[i]))))
			fail_msg("score %zu is %g, was %g", i, (double)after[i], (double)before[i]);
		differ |= before[i] != before[0];
	}
	assert_true(differ); // rows go both ways
	assert_int_equal(graph->n_nodes, n);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(graph->nodes[i].op, ops[i]);
	free(before);
	free(after);
	graph_destroy(graph);
}
#define LEAVES(input, output, ...)                                                                 \
	leaves_steps(input, output, sizeof((enum op[]){ __VA_ARGS__ }) / sizeof(enum op),          \
		(const enum op[]){ __VA_ARGS__ })

static const struct stump A = { 0, 0, 1, 2 }, B = { 3, 0, 10, 30 }, C = { 1, 0, -5, 0.5f },
			  SET = { 2, 0x16, 7, 8 };

// A whole number looked up among others, as a leaf's among those of an isolation forest.
static void what_follows_a_tree_is_in_its_leaves(void **state)
{
	const uint32_t x = begin();
	const uint32_t leaf = add_stumps(x, 1, &A, 0.5f);
	const uint32_t two = graph_op(graph, OP_EXP, 1, &leaf);
	const uint32_t y = pair(OP_DIV, pair(OP_MUL, two, leaf), constant(3));

	LEAVES(x, graph_op(graph, OP_SIGMOID, 1, &y), OP_TREES);
	(void)state;
}

// Two trees make no value of one leaf; another reader of the first step has it from a tree of its own.
static void what_follows_two_trees_stays(void **state)
{
	const struct stump both[2] = { A, B };
	uint32_t x = begin(), t = add_stumps(x, 2, both, 0);

	LEAVES(x, graph_op(graph, OP_EXP, 1, &t), OP_TREES, OP_EXP);
	x = begin();
	t = pair(OP_MUL, add_stumps(x, 1, &A, 0), add_stumps(x, 1, &B, 1));
	LEAVES(x, t, OP_TREES, OP_TREES, OP_MUL);
	(void)state;
}

static void summed_ensembles_are_one(void **state)
{
	const struct stump both[2] = { A, SET };
	uint32_t x = begin(), y;

	y = pair(OP_ADD, add_stumps(x, 2, both, 0.25f), add_stumps(x, 1, &C, 1));
	y = pair(OP_ADD, pair(OP_ADD, add_stumps(x, 1, &SET, 0), y), add_stumps(x, 1, &B, 0));
	LEAVES(x, y, OP_TREES);
	(void)state;
}

// What is no tree is added behind, whether the second ensemble stands before the first Add or not.
static void sum_of_trees_and_another(bool before)
{
	uint32_t x = begin(), most = graph_op(graph, OP_SOFTMAX, 1, &x), b = 0, y;

	node_set_int(graph, &graph->nodes[graph->n_nodes - 1], ATTR_AXIS, -1);
	most = pair(
		OP_MATMUL, most, graph_f32_constant(graph, "w", 2, (int64_t[]){ FEATURES, 1 }, 3));
	if (before)
		b = add_stumps(x, 1, &B, 0);
	y = pair(OP_ADD, add_stumps(x, 1, &A, 0), most);
	if (!before)
		b = add_stumps(x, 1, &B, 0);
	LEAVES(x, pair(OP_ADD, y, b), OP_SOFTMAX, OP_DENSE, OP_TREES, OP_ADD);
}

static void sums_of_more_than_trees(void **state)
{
	sum_of_trees_and_another(true);
	sum_of_trees_and_another(false);
	(void)state;
}

static void what_somebody_else_reads_is_not_merged(void **state)
{
	const uint32_t x = begin();
	const uint32_t first = add_stumps(x, 2, (const struct stump[]){ A, C }, 0);
	const uint32_t y = pair(OP_ADD, first, add_stumps(x, 1, &B, 0));

	LEAVES(x, pair(OP_DIV, y, first), OP_TREES, OP_TREES, OP_ADD, OP_DIV);
	(void)state;
}

static void ensembles_side_by_side_are_one(void **state)
{
	const struct stump both[2] = { A, SET };
	const uint32_t x = begin();
	uint32_t parts[3], y, node, none = 0;
	struct tensor shape = { 0 };

	parts[0] = add_stumps(x, 2, both, 0.25f);
	parts[1] = add_stumps(x, 1, &C, 1);
	parts[2] = pair(OP_MUL, add_stumps(x, 1, &B, 3), constant(2));
	node = graph_add_node(graph, OP_CONCAT, "concat", 3, parts, 1, &none, &err);
	assert_int_equal(node_set_int(graph, &graph->nodes[node], ATTR_AXIS, 1), 0);
	assert_int_equal(op_infer(graph, &graph->nodes[node], &shape, &err), 0);
	y = graph_f32(graph, "y", 2, shape.dims);
	graph->nodes[node].outputs[0] = y;
	LEAVES(x, y, OP_TREES);
	(void)state;
}

static void gathered_columns_are_read_where_they_are(void **state)
{
	static const int64_t THREE = 3, COLUMNS[3] = { 2, -1, 0 };
	const uint32_t x = begin();
	const uint32_t index =
		graph_add_tensor(graph, "columns", DTYPE_I64, 1, &THREE, COLUMNS, &err);
	uint32_t some, node, none = 0;
	struct tensor shape = { 0 };

	node = graph_add_node(
		graph, OP_GATHER, "gather", 2, (uint32_t[]){ x, index }, 1, &none, &err);
	assert_int_equal(node_set_int(graph, &graph->nodes[node], ATTR_AXIS, 1), 0);
	assert_int_equal(op_infer(graph, &graph->nodes[node], &shape, &err), 0);
	some = graph_f32(graph, "some", 2, shape.dims);
	graph->nodes[node].outputs[0] = some;
	LEAVES(x,
		pair(OP_ADD, add_stumps(some, 1, &C, 0),
			add_stumps(x, 2, (const struct stump[]){ A, B }, 0)),
		OP_TREES);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_follows_a_tree_is_in_its_leaves),
		cmocka_unit_test(what_follows_two_trees_stays),
		cmocka_unit_test(summed_ensembles_are_one),
		cmocka_unit_test(sums_of_more_than_trees),
		cmocka_unit_test(what_somebody_else_reads_is_not_merged),
		cmocka_unit_test(ensembles_side_by_side_are_one),
		cmocka_unit_test(gathered_columns_are_read_where_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
