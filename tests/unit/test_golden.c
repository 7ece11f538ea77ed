// SPDX-License-Identifier: BSD-3-Clause
// The self-check of a compilation: sound models pass it whatever they are drawn from, and an error
// in one weight, put in behind the passes, does not.
#include "infer/compile/golden.h"
#include "infer/compile/passes/run.h"
#include "infer/graph/arena.h"
#include "infer/graph/trees.h"
#include "infer/image/image.h"
#include "infer/import/build.h"
#include "infer/infer.h"
#include "infer/ops/check.h"
#include "tests/cmocka.h"
#include "tests/kernels/random_trees.h"
#include "tests/unit/random_models.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MODELS  1000
#define PLANTED 1e-4f

static uint64_t state;
static struct graph *graph;
static struct compile_report report;
static struct error err;

static float *values_of(uint32_t t)
{
	return (float *)(uintptr_t)graph->tensors[t].data;
}

// The scores of the graph as it is now, checked as whoever opens the image does.
static int check(void)
{
	const struct model_options options = { .no_timing = true };
	struct model *model = NULL;
	void *image;
	size_t size;
	int rc;

	if (image_write(graph, &image, &size, &err) != 0 ||
		model_open(image, size, &options, &model, &err) != 0)
		fail_msg("%s", err.text);
	rc = model_check_golden(model, &err);
	model_close(model);
	free(image);
	return rc;
}

static void fill_and_pass(void)
{
	if (graph_check(graph, &err) != 0 || golden_fill(graph, NULL, 0, &report, &err) != 0 ||
		passes_run(graph, &report, &err) != 0)
		fail_msg("%s", err.text);
}

// Is node n's input a matrix of weights, or what is at the leaves of trees?
static bool holds_weights(uint32_t n, uint32_t *t)
{
	const struct node *node = &graph->nodes[n];

	if (node->op != OP_DENSE && node->op != OP_TREES)
		return false;
	*t = node->inputs[node->op == OP_DENSE ? 1 : TREES_WEIGHT];
	return true;
}

// A weight that takes part: of a layer the largest of some, of trees the one of a leaf that a golden
// row reaches. Its index in tensor *t.
static size_t choose_weight(uint32_t *t)
{
	uint32_t n = (uint32_t)(random_next(&state) % graph->n_nodes);
	size_t best = 0;

	while (!holds_weights(n, t))
		n = (n + 1) % graph->n_nodes;
	if (graph->nodes[n].op == OP_TREES) {
		struct trees trees;
		int32_t at;

		trees_of_node(graph, &graph->nodes[n], &trees);
		at = trees.root[0];
		while (at >= 0)
			at = trees.children[at][trees_decide(
				&trees, (uint32_t)at, graph->golden_rows[trees.feature[at]])];
		return (size_t)trees.weight_first[~at];
	}
	for (size_t i = 1; i < (size_t)tensor_elements(&graph->tensors[*t]); i++)
		best = fabsf(values_of(*t)[i]) > fabsf(values_of(*t)[best]) ? i : best;
	return best;
}

// A copy of the tensor's values with one that is too large.
static void plant(void)
{
	uint32_t t;
	const size_t at = choose_weight(&t);
	struct tensor *tensor = &graph->tensors[t];
	float *values = arena_memdup(graph->arena, tensor->data, tensor_bytes(tensor));

	assert_non_null(values);
	values[at] *= 1.0f + PLANTED;
	tensor->data = values;
}

// Draws models, each from its own seed; all must pass, and of those with an error at least `percent`
// be refused: the others are such as a saturated Sigmoid, which hides it, or a unit that is 0.
static void check_models(enum random_model kind, uint32_t count, uint32_t percent)
{
	uint32_t found = 0, empty = 0;

	for (uint32_t i = 0; i < count; i++) {
		state = 88172645463325252u + i;
		graph = random_model(kind, i);
		fill_and_pass();
		if (check() != 0)
			fail_msg("model %u: %s", i, err.text);
		empty += graph->n_golden == 0;
		plant();
		found += check() != 0;
		graph_destroy(graph);
		compile_report_fini(&report);
	}
	assert_int_equal(empty, 0);
	assert_in_range(found * 100, count * percent, count * 100);
}

static void linear_models_pass_and_errors_are_found(void **test)
{
	check_models(RANDOM_LINEAR, MODELS / 3, 65);
}

static void forests_pass_and_errors_are_found(void **test)
{
	check_models(RANDOM_FOREST, MODELS / 3, 90);
}

static void networks_pass_and_errors_are_found(void **test)
{
	check_models(RANDOM_NETWORK, MODELS / 3 + 1, 70);
}

static bool report_says(const char *part)
{
	for (size_t l = 0; l < report.n_lines; l++) {
		if (strstr(report.lines[l], part))
			return true;
	}
	return false;
}

// [1, k] * w, with the index of the largest where wanted.
static void product(uint32_t k, uint32_t n, const float *w, bool label)
{
	static const char *const NAMES[8] = { "a", "b", "c", "d", "e", "f", "g", "h" };
	const int64_t dims[2] = { k, n };
	float *data;
	uint32_t x, t, y;

	graph = graph_create();
	assert_non_null(graph);
	graph->name = "test";
	graph->source_kind = "onnx";
	x = build_input(graph, k, (const char **)(uintptr_t)NAMES, &err);
	t = build_constant(graph, 2, dims, &data, &err);
	memcpy(data, w, (size_t)k * n * sizeof(*w));
	y = build_pair(graph, OP_MATMUL, x, t, &err);
	if (label)
		y = build_pair(graph, OP_ADD, y, build_arg_max(graph, y, &err), &err);
	if (y == GRAPH_NONE || build_output(graph, y, &err) != 0)
		fail_msg("%s", err.text);
}

// Two classes whose scores are the same sum: which is larger, rounding decides.
static void what_hangs_in_every_row_is_not_checked(void **test)
{
	static const float W[16] = { .1f, .1f, .7f, .7f, .3f, .3f, -.9f, -.9f, .2f, .2f, .6f, .6f,
		.4f, .4f, -.5f, -.5f };

	product(8, 2, W, true);
	fill_and_pass();
	assert_true(report_says("those scores are not checked"));
	assert_int_equal(check(), 0);
	graph_destroy(graph);
	compile_report_fini(&report);
}

// A tolerance is that of the sum, not of the score: 1e4 - 1e4 + 1e-4 has few digits.
static void a_sum_that_cancels_is_as_exact_as_its_terms(void **test)
{
	static const float W[3] = { 1e4f, -1e4f, 1e-4f };

	product(3, 1, W, false);
	fill_and_pass();
	assert_int_equal(check(), 0);
	for (uint32_t r = 0; r < graph->n_golden; r++) {
		const float *row = &graph->golden_rows[r * 3];
		const float terms = 1e4f * (fabsf(row[0]) + fabsf(row[1]));

		assert_true(graph->golden_tolerance[r] > terms * 0x1p-25f);
		assert_true(graph->golden_tolerance[r] < 4e4f * 2e-6f); // x is -2 to 2
	}
	graph_destroy(graph);
	compile_report_fini(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_hangs_in_every_row_is_not_checked),
		cmocka_unit_test(a_sum_that_cancels_is_as_exact_as_its_terms),
		cmocka_unit_test(linear_models_pass_and_errors_are_found),
		cmocka_unit_test(forests_pass_and_errors_are_found),
		cmocka_unit_test(networks_pass_and_errors_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
