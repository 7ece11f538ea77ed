// SPDX-License-Identifier: BSD-3-Clause
// The self-check of a compilation: sound models pass it whatever they are drawn from, and an error
// in one weight, put in behind the passes, does not.
#include "base/align.h"
#include "infer/compile/golden.h"
#include "infer/compile/passes/run.h"
#include "infer/graph/arena.h"
#include "infer/graph/trees.h"
#include "infer/image/image.h"
#include "infer/import/build.h"
#include "infer/infer.h"
#include "infer/model_internal.h"
#include "infer/ops/check.h"
#include "tests/cmocka.h"
#include "tests/kernels/random_trees.h"
#include "tests/unit/random_models.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MODELS  201 // of all kinds, unless MARTLET_MODELS says otherwise: make soak has 1,000
#define PLANTED 1e-4f
// An error that moves a score by more than NOISE times what rounding does to the most inexact one is found:
// what this CPU's kernels are apart from the scalar ones, or where they are hardly, ROUNDING tolerances.
#define NOISE    8.0f
#define ROUNDING 0.05f

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
	void *image = NULL;
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
	if (graph_check(graph, &err) != 0 ||
		golden_fill(graph, NULL, 0, false, &report, &err) != 0 ||
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

// A weight: any, or one that takes part, of a layer the largest, of trees the one of a leaf that a golden
// row reaches. Its index in tensor *t.
static size_t choose_weight(uint32_t *t, bool any)
{
	uint32_t n = (uint32_t)(random_next(&state) % graph->n_nodes);
	size_t best = 0;

	while (!holds_weights(n, t))
		n = (n + 1) % graph->n_nodes;
	if (any)
		return random_next(&state) % (size_t)tensor_elements(&graph->tensors[*t]);
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

// The weights as they are, with one that is too large: a copy, which the tensor has from now on. Returns
// what it had before.
static const void *plant(uint32_t *t, bool any)
{
	const size_t at = choose_weight(t, any);
	struct tensor *tensor = &graph->tensors[*t];
	const void *before = tensor->data;
	float *values = arena_memdup(graph->arena, before, tensor_bytes(tensor));

	assert_non_null(values);
	values[at] *= 1.0f + PLANTED;
	tensor->data = values;
	return before;
}

// The scores of the golden rows by the graph as it is now, on this CPU; free() them.
static float *scores(void)
{
	const struct model_options options = { .no_timing = true };
	float *outputs = calloc((size_t)graph->n_golden * graph->n_columns_out, sizeof(float));
	struct model *model = NULL;
	void *scratch;

	if (!outputs || model_build(graph, 0, &options, &model, &err) != 0)
		fail_msg("%s", err.text);
	scratch = aligned_alloc(64, align_up(model_scratch_bytes(model, graph->n_golden), 64));
	assert_non_null(scratch);
	model_score(model, graph->golden_rows, outputs, graph->n_golden, scratch, graph->n_golden);
	free(scratch);
	model_close(model);
	return outputs;
}

// The largest difference of scores, in tolerances.
static float largest_difference(const float *a, const float *b)
{
	float largest = 0;

	for (size_t i = 0; i < (size_t)graph->n_golden * graph->n_columns_out; i++)
		largest = fmaxf(largest, fabsf(a[i] - b[i]) / graph->golden_tolerance[i]);
	return largest;
}

// What became of errors in weights.
struct errors {
	uint32_t planted, found;
	uint32_t without; // moves no score of any golden row: nothing could find it
	uint32_t
		beyond; // was not found, and moves a score by more than NOISE times what rounding does
};

static void plant_and_check(struct errors *errors, bool any)
{
	float *before = scores(), *after, rounding, moved;
	uint32_t t;
	const void *weights = plant(&t, any);

	after = scores();
	rounding = fmaxf(largest_difference(before, graph->golden_outputs), ROUNDING);
	moved = largest_difference(before, after);
	errors->planted++;
	if (check() != 0)
		errors->found++;
	else if (moved == 0)
		errors->without++;
	else if (moved > NOISE * rounding)
		errors->beyond++;
	graph->tensors[t].data = weights;
	free(before);
	free(after);
}

// Draws models, each from its own seed: all must pass. Then the largest weight of each and any other
// of it are too large by PLANTED; `percent` of those errors must be found that move a score of a golden row
// at all, and hardly one that moves a score by more than rounding could.
static void check_models(enum random_model kind, uint32_t percent)
{
	const char *models = getenv("MARTLET_MODELS");
	const uint32_t count = (models ? (uint32_t)strtoul(models, NULL, 10) : MODELS) / 3;
	struct errors errors = { 0 };

	for (uint32_t i = 0; i < count; i++) {
		state = 88172645463325252u + i;
		graph = random_model(kind, i);
		fill_and_pass();
		if (check() != 0)
			fail_msg("model %u: %s", i, err.text);
		assert_true(graph->n_golden > 0);
		plant_and_check(&errors, false);
		plant_and_check(&errors, true);
		graph_destroy(graph);
		compile_report_fini(&report);
	}
	print_message(
		"# %u errors: %u found, %u without effect, %u others of which %u beyond rounding\n",
		errors.planted, errors.found, errors.without,
		errors.planted - errors.found - errors.without, errors.beyond);
	assert_true(errors.planted > 0);
	assert_in_range(errors.found * 100, (errors.planted - errors.without) * percent,
		errors.planted * 100);
	assert_true(errors.beyond * 50 <= errors.planted);
}

static void linear_models_pass_and_errors_are_found(void **test)
{
	check_models(RANDOM_LINEAR, 75);
}

static void forests_pass_and_errors_are_found(void **test)
{
	check_models(RANDOM_FOREST, 95);
}

static void networks_pass_and_errors_are_found(void **test)
{
	check_models(RANDOM_NETWORK, 80);
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
		const float terms = 1e4f * (fabsf(row[0]) + fabsf(row[1])) + 1e-4f * fabsf(row[2]);

		assert_true(graph->golden_tolerance[r] > terms * 0x1p-24f);
		assert_true(graph->golden_tolerance[r] < terms * 3e-6f + 1e-29f);
	}
	graph_destroy(graph);
	compile_report_fini(&report);
}

// A HardSigmoid near 0 is what is left of 0.5, and as inexact as that; one that was cut is exact.
static void a_hard_sigmoid_near_0_is_a_difference(void **test)
{
	static const float W[3] = { 0.6f, -0.4f, 0.5f };
	uint32_t near = 0, cut = 0;

	product(3, 1, W, false);
	graph->outputs[0].tensor =
		build_node(graph, OP_HARD_SIGMOID, 1, &graph->outputs[0].tensor, &err);
	fill_and_pass();
	assert_int_equal(check(), 0);
	for (uint32_t r = 0; r < graph->n_golden; r++) {
		const float score = graph->golden_outputs[r],
			    tolerance = graph->golden_tolerance[r];

		cut += score == 0 && tolerance < 1e-20f;
		near += score > 0 && score < 0.1f;
		if (score > 0 && score < 0.1f)
			assert_true(tolerance > 6 * 0x1p-24f);
	}
	assert_true(near > 0 && cut > 0);
	graph_destroy(graph);
	compile_report_fini(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_hangs_in_every_row_is_not_checked),
		cmocka_unit_test(a_sum_that_cancels_is_as_exact_as_its_terms),
		cmocka_unit_test(a_hard_sigmoid_near_0_is_a_difference),
		cmocka_unit_test(linear_models_pass_and_errors_are_found),
		cmocka_unit_test(forests_pass_and_errors_are_found),
		cmocka_unit_test(networks_pass_and_errors_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
