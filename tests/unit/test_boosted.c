// SPDX-License-Identifier: BSD-3-Clause
// Trees that XGBoost grows come back as graphs that score as it does.
#include "infer/learn/train/boosted.h"
#include "infer/learn/train/booster.h"
#include "tests/cmocka.h"
#include "tests/unit/learn_case.h"
#include "tests/unit/xgboost_library.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS 600

static struct error err;

static struct train_options options_of(uint32_t rounds, uint32_t early)
{
	struct train_options options = {
		.kind = "boosted", .seed = 7, .threads = 1, .boosted = TRAIN_BOOSTED_DEFAULTS
	};

	options.boosted.rounds = rounds;
	options.boosted.depth = 4;
	options.boosted.early_stopping = early;
	return options;
}

// Trains on all but the last 200 rows.
static int train(const struct learn_case *rows, const struct train_options *options,
	const struct learn_watch *watch, struct graph **graph)
{
	struct train_job job = { .options = options,
		.train = learn_case_part(rows, 0, ROWS - 200),
		.validation = learn_case_part(rows, ROWS - 200, 200),
		.watch = watch };
	const int rc = train_boosted(&job, &err);

	free(job.train.index);
	free(job.validation.index);
	*graph = job.graph;
	return rc;
}

static void classes_have_a_column_each(void **state)
{
	for (uint32_t n = 2; n <= 4; n++) {
		const struct train_options options = options_of(30, 0);
		struct learn_case rows;
		struct graph *graph;
		float *scores;

		learn_case_init(&rows, ROWS, n, true);
		if (train(&rows, &options, NULL, &graph) != 0)
			fail_msg("%s", err.text);
		assert_true(graph->accepts_missing);
		assert_int_equal(graph->n_class_labels, n);
		assert_string_equal(graph->class_labels[1], "some");
		scores = learn_case_score(&rows, graph, n);
		for (size_t i = 0; i < ROWS; i++) {
			float sum = 0;

			for (uint32_t c = 0; c < n; c++)
				sum += scores[i * n + c];
			assert_float_equal(sum, 1, 1e-6);
		}
		assert_true(learn_case_accuracy(&rows, scores, n) > 0.93);
		free(scores);
		learn_case_fini(&rows);
	}
}

static void numbers_are_learnt(void **state)
{
	const struct train_options options = options_of(40, 5);
	struct learn_case rows;
	struct graph *graph;
	float *scores;
	double squares = 0;

	learn_case_init(&rows, ROWS, 0, false);
	if (train(&rows, &options, NULL, &graph) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(graph->n_class_labels, 0);
	scores = learn_case_score(&rows, graph, 1);
	for (size_t i = 0; i < ROWS; i++)
		squares += pow((double)scores[i] - (double)rows.numbers[i], 2);
	assert_true(sqrt(squares / ROWS) < 0.3);
	free(scores);
	learn_case_fini(&rows);
}

static bool stop_at_three(void *context, const struct learn_progress *progress)
{
	uint64_t *seen = context;

	assert_true(isfinite(progress->loss) && isfinite(progress->score));
	*seen = progress->done;
	return progress->done < 3;
}

static void interruption_leaves_the_rounds_so_far(void **state)
{
	const struct train_options all = options_of(30, 0), three = options_of(3, 0);
	struct learn_case rows;
	struct graph *graph;
	uint64_t seen = 0;
	const struct learn_watch watch = { .step = stop_at_three, .context = &seen };
	float *stopped, *short_one;

	learn_case_init(&rows, ROWS, 3, false);
	assert_int_equal(train(&rows, &all, &watch, &graph), -ECANCELED);
	assert_string_equal(err.text, "interrupted after 3 rounds");
	assert_non_null(graph);
	assert_int_equal(seen, 3);
	stopped = learn_case_score(&rows, graph, 3);
	assert_int_equal(train(&rows, &three, NULL, &graph), 0);
	short_one = learn_case_score(&rows, graph, 3);
	assert_memory_equal(stopped, short_one, ROWS * 3 * sizeof(float));
	free(stopped);
	free(short_one);
	learn_case_fini(&rows);
}

static void same_seed_gives_same_bits_on_any_number_of_threads(void **state)
{
	struct train_options options = options_of(20, 0);
	struct learn_case rows;
	struct graph *graph;
	float *one, *two;

	options.boosted.subsample = 0.7;
	options.boosted.colsample = 0.7;
	learn_case_init(&rows, ROWS, 2, true);
	assert_int_equal(train(&rows, &options, NULL, &graph), 0);
	one = learn_case_score(&rows, graph, 2);
	options.threads = 2;
	assert_int_equal(train(&rows, &options, NULL, &graph), 0);
	two = learn_case_score(&rows, graph, 2);
	assert_memory_equal(one, two, ROWS * 2 * sizeof(float));
	free(two);
	options.seed = 8;
	assert_int_equal(train(&rows, &options, NULL, &graph), 0);
	two = learn_case_score(&rows, graph, 2);
	assert_memory_not_equal(one, two, ROWS * 2 * sizeof(float));
	free(one);
	free(two);
	learn_case_fini(&rows);
}

static void expect_refused(const struct learn_case *rows, const struct train_options *options,
	int code, const char *sentence)
{
	struct graph *graph;

	assert_int_equal(train(rows, options, NULL, &graph), code);
	assert_null(graph);
	assert_string_equal(err.text, sentence);
}

static void bad_rows_are_refused(void **state)
{
	const struct train_options options = options_of(5, 0), early = options_of(5, 2);
	struct learn_case rows;

	learn_case_init(&rows, ROWS, 2, false);
	rows.values[3 * LEARN_FEATURES + 1] = INFINITY;
	expect_refused(&rows, &options, -EDOM,
		"made.csv: row 4: b is infinite, should be a number or missing");
	rows.values[3 * LEARN_FEATURES + 1] = 0;
	for (size_t i = 0; i < ROWS; i++)
		rows.classes[i] = i < ROWS - 200 ? rows.classes[i] : -1;
	expect_refused(&rows, &early, -EINVAL,
		"early stopping needs validation rows, and none of them bears a label");
	memset(rows.classes, 0, ROWS * sizeof(*rows.classes));
	expect_refused(&rows, &options, -EINVAL,
		"made.csv: all rows that are learnt from are of class 'idle', there should be two "
		"classes or more");
	memset(rows.classes, 0xff, ROWS * sizeof(*rows.classes));
	expect_refused(
		&rows, &options, -EINVAL, "made.csv: no row that is learnt from bears a label");
	rows.set.target = DATASET_NONE;
	expect_refused(
		&rows, &options, -EINVAL, "made.csv: there are no labels, which trees learn from");
	learn_case_fini(&rows);
}

// By margins, as the library adds them up, and by derivatives of the caller's.
static void graphs_score_as_the_library(void **state)
{
	const struct booster_options options = { .objective = "multi:softprob",
		.n_classes = 3,
		.depth = 3,
		.learning_rate = 0.3,
		.subsample = 1,
		.colsample = 1,
		.lambda = 1,
		.min_child_weight = 0,
		.base_score = 0.5,
		.threads = 1 };
	float first[3 * ROWS], second[3 * ROWS], targets[ROWS];
	const struct booster_rows none = { 0 };
	struct booster_rows given = { .n = ROWS, .n_features = LEARN_FEATURES, .n_targets = 1 };
	struct learn_case rows;
	struct booster *booster;
	struct graph *graph;
	const float *margins;
	float *scores;
	size_t n;

	learn_case_init(&rows, ROWS, 3, true);
	for (size_t i = 0; i < ROWS; i++)
		targets[i] = (float)rows.classes[i];
	given.values = rows.values;
	given.targets = targets;
	assert_int_equal(booster_create(&options, &given, &none, &booster, &err), 0);
	assert_int_equal(booster_grow(booster, &err), 0);
	for (size_t i = 0; i < 3 * (size_t)ROWS; i++) {
		first[i] = rows.classes[i / 3] == (int32_t)(i % 3) ? -0.5f : 0.25f;
		second[i] = 0.25f;
	}
	assert_int_equal(booster_grow_by(booster, first, second, 3 * (size_t)ROWS, &err), 0);
	assert_int_equal(booster_margins(booster, false, &margins, &n, &err), 0);
	assert_int_equal(n, 3 * ROWS);
	assert_int_equal(booster_graph(booster, 0, &graph, NULL, &err), 0);
	graph->feature_names = (const char **)(uintptr_t)rows.set.feature_names;
	scores = learn_case_score(&rows, graph, 3);
	for (size_t i = 0; i < ROWS; i++) {
		double sum = 0;

		for (size_t c = 0; c < 3; c++)
			sum += exp((double)margins[3 * i + c]);
		for (size_t c = 0; c < 3; c++)
			assert_float_equal(
				scores[3 * i + c], exp((double)margins[3 * i + c]) / sum, 1e-6);
	}
	free(scores);
	booster_destroy(booster);
	learn_case_fini(&rows);
}

// --- Checkpoints ---------------------------------------------------------------------------------

static char kept[] = "/tmp/martlet-boosted-XXXXXX"; // a file of its own

struct keeping {
	uint32_t stop, written; // round in which it is interrupted; checkpoints so far
};

static int keep(void *context, const void *bytes, size_t size, struct error *e)
{
	struct keeping *keeping = context;
	FILE *file = fopen(kept, "wb");

	(void)e;
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
	keeping->written++;
	return 0;
}

static bool stops(void *context, const struct learn_progress *progress)
{
	return progress->done != ((struct keeping *)context)->stop;
}

static int keep_nothing(void *context, const void *bytes, size_t size, struct error *e)
{
	return error_set(e, -ENOSPC, "the disk is full");
}

static void remember_seconds(void *context, uint32_t seconds)
{
	*(uint32_t *)context = seconds;
}

// A signal ends work that is not spared wherever it is.
static void what_is_learnt_is_spared_until_it_is_kept(void **state)
{
	struct train_options options = options_of(3, 0);
	struct keeping keeping = { 0 };
	uint32_t seconds = 0;
	const struct learn_watch watch = { .spare = remember_seconds, .context = &seconds };
	struct learn_case rows;
	struct graph *graph;

	learn_case_init(&rows, ROWS, 2, false);
	assert_int_equal(train(&rows, &options, &watch, &graph), 0);
	assert_int_equal(seconds, LEARN_UNTIL_DONE); // the caller has still to write it
	graph_destroy(graph);
	options.checkpoint = (struct train_checkpoint){ .write = keep, .context = &keeping };
	assert_int_equal(train(&rows, &options, &watch, &graph), 0);
	assert_int_equal(seconds, 0);
	graph_destroy(graph);
	options.checkpoint.write = keep_nothing;
	assert_int_equal(train(&rows, &options, &watch, &graph), -ENOSPC);
	assert_string_equal(err.text, "the disk is full");
	assert_int_equal(seconds, LEARN_CHECKPOINT); // it is told before the process ends
	learn_case_fini(&rows);
}

// Interrupted after some rounds and gone on from: the same scores to the last bit as in one go.
static void an_interrupted_one_goes_on_to_the_same_trees(void **state)
{
	static const double SHARES[][2] = { { 1, 1 }, { 0.6, 1 }, { 1, 0.5 }, { 0.7, 0.6 } };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(SHARES) / sizeof(*SHARES); i++) {
		const uint32_t n = i % 2 ? 3 : 2;
		struct train_options options = options_of(40, 0);
		struct keeping keeping = { .stop = 7 + 4 * (uint32_t)i };
		const struct learn_watch watch = { .step = stops, .context = &keeping };
		struct learn_case rows;
		struct graph *graph;
		float *whole, *resumed;

		options.boosted.subsample = SHARES[i / 2][0];
		options.boosted.colsample = SHARES[i / 2][1];
		learn_case_init(&rows, ROWS, n, true);
		assert_int_equal(train(&rows, &options, NULL, &graph), 0);
		whole = learn_case_score(&rows, graph, n);
		options.checkpoint =
			(struct train_checkpoint){ .write = keep, .context = &keeping };
		assert_int_equal(train(&rows, &options, &watch, &graph), -ECANCELED);
		assert_null(graph);
		// After the first round, and the last; where anything is drawn, it holds no trees and is written once.
		assert_int_equal(keeping.written >= 2, i / 2 == 0);
		assert_true(keeping.written >= 1);
		options.checkpoint.resume = kept;
		if (train(&rows, &options, NULL, &graph) != 0)
			fail_msg("%s", err.text);
		resumed = learn_case_score(&rows, graph, n);
		if (memcmp(whole, resumed, ROWS * n * sizeof(float)) != 0)
			fail_msg("subsample %g, colsample %g: other scores",
				options.boosted.subsample, options.boosted.colsample);
		free(whole);
		free(resumed);
		learn_case_fini(&rows);
	}
}

static void a_checkpoint_that_does_not_fit_is_refused(void **state)
{
	struct train_options options = options_of(4, 0);
	struct keeping keeping = { 0 };
	struct learn_case rows;
	struct graph *graph;
	FILE *file;

	(void)state;
	learn_case_init(&rows, ROWS, 2, true);
	options.checkpoint = (struct train_checkpoint){ .write = keep, .context = &keeping };
	assert_int_equal(train(&rows, &options, NULL, &graph), 0);
	graph_destroy(graph);
	options.checkpoint.resume = kept;
	options.boosted.depth = 5;
	assert_int_equal(train(&rows, &options, NULL, &graph), -EINVAL);
	assert_non_null(
		strstr(err.text, ": is of a training with other rows or other options than these"));
	options.boosted.depth = 4;
	file = fopen(kept, "r+b");
	assert_non_null(file);
	assert_int_equal(fseek(file, -3, SEEK_END), 0);
	assert_int_equal(fputc('!', file), '!');
	assert_int_equal(fclose(file), 0);
	assert_int_equal(train(&rows, &options, NULL, &graph), -EINVAL);
	assert_non_null(strstr(err.text, ": is damaged: remove it to begin anew"));
	file = fopen(kept, "wb");
	assert_non_null(file);
	assert_int_equal(fputs("no checkpoint", file) >= 0, true);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(train(&rows, &options, NULL, &graph), -EINVAL);
	assert_non_null(strstr(err.text, ": is no checkpoint of boosting"));
	learn_case_fini(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_have_a_column_each),
		cmocka_unit_test(numbers_are_learnt),
		cmocka_unit_test(interruption_leaves_the_rounds_so_far),
		cmocka_unit_test(same_seed_gives_same_bits_on_any_number_of_threads),
		cmocka_unit_test(what_is_learnt_is_spared_until_it_is_kept),
		cmocka_unit_test(an_interrupted_one_goes_on_to_the_same_trees),
		cmocka_unit_test(a_checkpoint_that_does_not_fit_is_refused),
		cmocka_unit_test(bad_rows_are_refused),
		cmocka_unit_test(graphs_score_as_the_library),
	};

	int rc, file;

	if (!xgboost_is_here())
		return XGBOOST_SKIPPED;
	file = mkstemp(kept);
	if (file < 0)
		return 1;
	close(file);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	remove(kept);
	return rc;
}
