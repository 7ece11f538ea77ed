// SPDX-License-Identifier: BSD-3-Clause
// Isolation forests: scores by the formula, the same trees by the same seed, what is refused.
#include "infer/learn/train/isolation_forest.h"

#include "base/random.h"
#include "infer/learn/train/anomaly.h"
#include "infer/ops/check.h"
#include "tests/cmocka.h"
#include "tests/unit/learn_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FEATURES 5
#define ROWS     200

static float values[ROWS][FEATURES];
static uint32_t index_of[ROWS];
static struct dataset set;
static struct train_job job;
static struct error err;

static int set_up(void **state)
{
	uint64_t random = 7;

	for (uint32_t r = 0; r < ROWS; r++) {
		for (uint32_t f = 0; f < FEATURES; f++)
			values[r][f] = (float)random_double(&random);
		values[r][1] = 3;          // constant
		values[r][2] = r % 4 == 0; // of few values
	}
	set = learn_rows(values[0], ROWS, FEATURES);
	job = (struct train_job){ .train = learn_part(&set, index_of, 0, ROWS) };
	return 0;
}

static int tear_down(void **state)
{
	graph_destroy(job.graph);
	return 0;
}

static int grow(uint32_t trees, uint32_t samples, uint64_t seed, double rate)
{
	const struct train_options options = {
		.seed = seed, .isolation = { trees, samples }, .false_positive_rate = rate
	};
	int rc;

	job.options = &options;
	rc = isolation_forest_train(&job, &err);
	job.options = NULL;
	return rc;
}

static void path_is_the_papers(void **state)
{
	assert_true(isolation_path(0) == 0 && isolation_path(1) == 0 && isolation_path(2) == 1);
	// What sklearn.ensemble._iforest._average_path_length() gives.
	assert_true(fabs(isolation_path(3) - 1.207392357589) < 1e-11);
	assert_true(fabs(isolation_path(256) - 10.244770920117) < 1e-11);
	assert_true(fabs(isolation_path(100000) - 22.180282259643) < 1e-11);
}

// The branch or leaf that a row comes to, and its depth.
static int32_t walk(const struct trees *trees, uint32_t tree, const float *x, uint32_t *depth)
{
	int32_t at = trees->root[tree];

	for (*depth = 0; at >= 0; ++*depth)
		at = trees->children[at][trees_decide(trees, (uint32_t)at, x[trees->feature[at]])];
	return ~at;
}

// With samples as many as there are rows, each tree is grown from all of them: which leaf has how many is known, and
// scikit-learn's formula can be computed from the trees alone.
static void scores_are_the_formulas(void **state)
{
	double path[ROWS] = { 0 }, threshold;
	float scores[ROWS], sorted[ROWS];
	uint32_t *rows_of;
	struct trees trees;

	assert_int_equal(grow(25, ROWS, 3, 0.05), 0);
	assert_int_equal(graph_check(job.graph, &err), 0);
	assert_string_equal(job.graph->output_names[0], "anomaly_score");
	assert_string_equal(job.graph->feature_names[4], "f4");
	assert_false(job.graph->accepts_missing);
	assert_int_equal(job.graph->nodes[0].op, OP_TREES);
	trees_of_node(job.graph, &job.graph->nodes[0], &trees);
	assert_int_equal(trees.n_trees, 25);
	rows_of = calloc(trees.n_leaves, sizeof(*rows_of));
	assert_non_null(rows_of);
	for (uint32_t r = 0; r < ROWS; r++) {
		for (uint32_t t = 0, depth; t < trees.n_trees; t++)
			rows_of[walk(&trees, t, values[r], &depth)]++;
	}
	for (uint32_t r = 0; r < ROWS; r++) {
		for (uint32_t t = 0, depth; t < trees.n_trees; t++) {
			const uint32_t n = rows_of[walk(&trees, t, values[r], &depth)];

			assert_true(depth <= 8); // 2^8 >= 200
			assert_true(n == 1 || depth == 8);
			path[r] += depth + isolation_path(n);
		}
		sorted[r] = (float)exp2(-path[r] / (25 * isolation_path(ROWS)));
	}
	free(rows_of);
	assert_int_equal(anomaly_score_rows(job.graph, &job.train, scores, &err), 0);
	threshold = anomaly_threshold(sorted, ROWS, 0.05);
	for (uint32_t r = 0; r < ROWS; r++)
		assert_true(fabs(exp2(-path[r] / (25 * isolation_path(ROWS))) / threshold -
				    (double)scores[r]) < 2e-6);
}

// A tenth of the rows at most scores above 1, a row far from all others always.
static void threshold_is_the_rate(void **state)
{
	float scores[ROWS];
	uint32_t above = 0;

	for (uint32_t f = 0; f < FEATURES; f++)
		values[17][f] = f == 1 ? 3 : 50;
	assert_int_equal(grow(50, 64, 1, 0.1), 0);
	assert_int_equal(anomaly_score_rows(job.graph, &job.train, scores, &err), 0);
	for (uint32_t r = 0; r < ROWS; r++)
		above += scores[r] > 1;
	assert_int_equal(above, ROWS / 10);
	assert_true(scores[17] > 1.2F);
}

static void threshold_of_equal_scores_lies_above_them(void **state)
{
	float equal[4] = { 2, 2, 2, 2 }, two[4] = { 1, 3, 1, 1 }, none[2] = { 0, 0 };
	double threshold = anomaly_threshold(equal, 4, 0.5);

	assert_true(threshold > 2 && threshold < 2.001);
	assert_true(anomaly_threshold(two, 4, 0.25) == 2);
	assert_true(anomaly_threshold(two, 4, 0.75) == 2);
	assert_true(anomaly_threshold(two, 4, 0.2) > 3);
	assert_true(anomaly_threshold(none, 2, 0) > 0);
}

static void seed_gives_the_trees(void **state)
{
	float scores[3][ROWS];

	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(grow(10, 32, i == 2 ? 6 : 5, 0.01), 0);
		assert_int_equal(anomaly_score_rows(job.graph, &job.train, scores[i], &err), 0);
		graph_destroy(job.graph);
		job.graph = NULL;
	}
	assert_memory_equal(scores[0], scores[1], sizeof(scores[0]));
	assert_memory_not_equal(scores[0], scores[2], sizeof(scores[0]));
}

static void missing_values_go_with_most(void **state)
{
	float scores[ROWS];

	for (uint32_t r = 0; r < ROWS; r += 3)
		values[r][0] = NAN;
	for (uint32_t r = 0; r < ROWS; r++)
		values[r][3] = NAN; // no value at all
	assert_int_equal(grow(10, ROWS, 5, 0.01), 0);
	assert_true(job.graph->accepts_missing);
	assert_int_equal(graph_check(job.graph, &err), 0);
	assert_int_equal(anomaly_score_rows(job.graph, &job.train, scores, &err), 0);
	for (uint32_t r = 0; r < ROWS; r++)
		assert_true(scores[r] > 0 && scores[r] < 2);
}

static bool stop_at_three(void *context, const struct learn_progress *progress)
{
	assert_string_equal(progress->stage, "trees");
	assert_int_equal(progress->total, 10);
	return progress->done < 3;
}

static void refused(const char *sentence, int code)
{
	assert_int_equal(grow(10, 32, 5, 0.01), code);
	assert_string_equal(err.text, sentence);
	assert_null(job.graph);
}

static void rows_that_teach_nothing_are_refused(void **state)
{
	const struct learn_watch watch = { .step = stop_at_three };
	const float weights[ROWS] = { 1 };

	job.train.n = 1;
	refused("rows.csv: 1 rows are too few for an isolation forest", -EINVAL);
	job.train.n = ROWS;
	values[3][2] = -INFINITY;
	refused("rows.csv: row 4, \"f2\" is infinite", -EINVAL);
	values[3][2] = 0;
	set.weights = weights;
	refused("rows.csv: an isolation forest takes no weights of rows", -EINVAL);
	set.weights = NULL;
	job.watch = &watch;
	refused("ended after 3 trees", -ECANCELED);
	job.watch = NULL;
	for (uint32_t r = 0; r < ROWS; r++)
		memcpy(values[r], values[0], sizeof(values[r]));
	refused("rows.csv: all rows are the same, nothing isolates one", -EINVAL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_is_the_papers),
		CASE(scores_are_the_formulas),
		CASE(threshold_is_the_rate),
		cmocka_unit_test(threshold_of_equal_scores_lies_above_them),
		CASE(seed_gives_the_trees),
		CASE(missing_values_go_with_most),
		CASE(rows_that_teach_nothing_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
