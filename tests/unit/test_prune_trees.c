// SPDX-License-Identifier: BSD-3-Clause
// Ensembles that lose trees or subtrees score nearly as before, and leaves that are fitted anew help.
#include "infer/compile/compile.h"
#include "infer/import/build.h"
#include "infer/learn/prune/prune_trees.h"
#include "infer/learn/train/boosted.h"
#include "infer/ops/check.h"
#include "tests/cmocka.h"
#include "tests/unit/learn_case.h"
#include "tests/unit/xgboost_library.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 600

static struct error err;
static struct learn_case rows;

static struct graph *grow(uint32_t n_classes, uint32_t rounds)
{
	const struct train_options options = { .seed = 1,
		.threads = 1,
		.boosted = { .rounds = rounds,
			.depth = 4,
			.learning_rate = 0.2,
			.subsample = 0.8,
			.colsample = 1,
			.lambda = 1,
			.min_child_weight = 1 } };
	struct train_job job = { .options = &options };

	learn_case_init(&rows, ROWS, n_classes, true);
	job.train = learn_case_part(&rows, 0, ROWS);
	job.validation.set = &rows.set;
	if (train_boosted(&job, &err) != 0)
		fail_msg("%s", err.text);
	free(job.train.index);
	job.graph->name = "made";
	return job.graph;
}

static struct prune_trees_result prune(
	struct graph *graph, enum prune_trees_what what, double share, uint32_t passes)
{
	const struct prune_trees_options options = {
		.what = what, .share = share, .passes = passes, .ridge = 1
	};
	struct prune_trees_result result;

	if (prune_trees(graph, rows.values, ROWS, &options, &result, &err) != 0 ||
		graph_check(graph, &err) != 0)
		fail_msg("%s", err.text);
	return result;
}

static double accuracy(struct graph *graph, uint32_t n_classes)
{
	float *scores = learn_case_score(&rows, graph, n_classes);
	const double share = learn_case_accuracy(&rows, scores, n_classes);

	free(scores);
	return share;
}

static void nothing_taken_away_is_the_same_model(void **state)
{
	struct graph *graph = grow(3, 10);
	float *whole, *same;
	struct prune_trees_result result;

	whole = learn_case_score(&rows, graph, 3);
	learn_case_fini(&rows);
	graph = grow(3, 10);
	result = prune(graph, PRUNE_TREES_WHOLE, 0, 0);
	assert_int_equal(result.trees[0], 30);
	assert_int_equal(result.trees[1], 30);
	assert_int_equal(result.leaves[0], result.leaves[1]);
	assert_true(result.moved < 1e-5);
	same = learn_case_score(&rows, graph, 3);
	assert_memory_equal(whole, same, ROWS * 3 * sizeof(float));
	free(whole);
	free(same);
	learn_case_fini(&rows);
}

static void trees_that_say_least_go(void **state)
{
	for (uint32_t n_classes = 2; n_classes <= 3; n_classes++) {
		const uint32_t trees = n_classes == 2 ? 100 : 300;
		struct graph *graph = grow(n_classes, 100);
		struct prune_trees_result left, fitted;

		left = prune(graph, PRUNE_TREES_WHOLE, 0.8, 0);
		assert_int_equal(left.trees[0], trees);
		assert_int_equal(left.trees[1], trees / 5);
		graph_destroy(graph);
		learn_case_fini(&rows);
		graph = grow(n_classes, 100);
		fitted = prune(graph, PRUNE_TREES_WHOLE, 0.8, 20);
		assert_int_equal(fitted.trees[1], trees / 5);
		assert_true(fitted.moved < 0.7 * left.moved);
		assert_true(accuracy(graph, n_classes) > 0.97);
		learn_case_fini(&rows);
	}
}

static void subtrees_go_where_they_say_least(void **state)
{
	struct graph *graph = grow(2, 60);
	struct prune_trees_result left, fitted;

	left = prune(graph, PRUNE_TREES_SUBTREES, 0.5, 0);
	assert_true(left.leaves[1] <= (left.leaves[0] + 1) / 2);
	assert_true(left.leaves[1] > left.leaves[0] / 4);
	graph_destroy(graph);
	learn_case_fini(&rows);
	graph = grow(2, 60);
	fitted = prune(graph, PRUNE_TREES_SUBTREES, 0.5, 20);
	assert_int_equal(fitted.leaves[1], left.leaves[1]);
	assert_true(fitted.moved < left.moved);
	assert_true(accuracy(graph, 2) > 0.97);
	learn_case_fini(&rows);
}

static void one_tree_stays(void **state)
{
	struct graph *graph = grow(2, 5);
	struct prune_trees_result result = prune(graph, PRUNE_TREES_SUBTREES, 0.999, 5);

	assert_true(result.trees[1] >= 1);
	accuracy(graph, 2);
	learn_case_fini(&rows);
}

static void what_has_no_trees_is_refused(void **state)
{
	const struct prune_trees_options options = PRUNE_TREES_DEFAULTS;
	struct prune_trees_options all = PRUNE_TREES_DEFAULTS;
	struct prune_trees_result result;
	struct graph *graph = graph_create();
	const float row[1] = { 0 };

	assert_non_null(graph);
	assert_int_not_equal(build_input(graph, 1, NULL, &err), GRAPH_NONE);
	assert_int_equal(prune_trees(graph, row, 1, &options, &result, &err), -ENOTSUP);
	assert_string_equal(err.text, "there are no trees in the model to prune");
	all.share = 1;
	assert_int_equal(prune_trees(graph, row, 1, &all, &result, &err), -EINVAL);
	assert_int_equal(prune_trees(graph, row, 0, &options, &result, &err), -EINVAL);
	graph_destroy(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_taken_away_is_the_same_model),
		cmocka_unit_test(trees_that_say_least_go),
		cmocka_unit_test(subtrees_go_where_they_say_least),
		cmocka_unit_test(one_tree_stays),
		cmocka_unit_test(what_has_no_trees_is_refused),
	};

	if (!xgboost_is_here())
		return XGBOOST_SKIPPED;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
