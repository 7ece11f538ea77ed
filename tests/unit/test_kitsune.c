// SPDX-License-Identifier: BSD-3-Clause
// Kitsune's ensemble: what breaks a correlation that all rows have scores above 1, whatever cluster it is in and
// however many features there are.
#include "infer/learn/train/kitsune.h"

#include "base/random.h"
#include "infer/infer.h"
#include "infer/learn/train/anomaly.h"
#include "infer/ops/check.h"
#include "tests/cmocka.h"
#include "tests/unit/learn_rows.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS     600
#define MOST     300
#define GROUP_OF 5 // features that one hidden number makes

static float values[ROWS * MOST];
static uint32_t index_of[ROWS], validation_index[ROWS];
static struct dataset set;
static struct train_options options;
static struct train_job job;
static struct compile_report report;
static struct error err;

// Features 5 i to 5 i + 4 are one number, each on a scale of its own. `seed` draws the rows.
static void draw(uint32_t n_features, uint64_t seed)
{
	uint64_t random = random_start(seed, 0);
	float *at = values;

	for (uint32_t r = 0; r < ROWS; r++) {
		float number = 0;

		for (uint32_t f = 0; f < n_features; f++) {
			if (f % GROUP_OF == 0)
				number = (float)random_double(&random);
			*at++ = (number + (float)(f % 3)) * (f % 2 ? 100.0F : -0.01F) +
				(float)(f % 7);
		}
	}
	set = learn_rows(values, ROWS, n_features);
	job.train = learn_part(&set, index_of, 0, 400);
	job.validation = learn_part(&set, validation_index, 400, ROWS - 400);
}

static int set_up(void **state)
{
	options = (struct train_options){
		.seed = 3, .threads = 1, .false_positive_rate = 0.02, .kitsune = { 10, 0.75 }
	};
	report = (struct compile_report){ 0 };
	job = (struct train_job){ .options = &options, .report = &report };
	return 0;
}

static int tear_down(void **state)
{
	graph_destroy(job.graph);
	compile_report_fini(&report);
	return 0;
}

static void learn(void)
{
	if (kitsune_train(&job, &err) != 0 || graph_check(job.graph, &err) != 0)
		fail_msg("%s", err.text);
}

static void score(float *scores)
{
	const struct dataset_part all = learn_part(&set, index_of, 0, ROWS);

	assert_int_equal(anomaly_score_rows(job.graph, &all, scores, &err), 0);
}

// Training and validation rows stay below the threshold but for their share; a row in which one feature of any group is
// another row's does not.
static void broken_correlations_are_found(uint32_t n_features)
{
	float scores[ROWS];
	uint32_t above = 0, found = 0;

	draw(n_features, 5);
	learn();
	assert_string_equal(job.graph->output_names[0], "anomaly_score");
	assert_int_equal(job.graph->n_columns_out, 1);
	score(scores);
	for (uint32_t r = 400; r < ROWS; r++)
		above += scores[r] > 1;
	assert_int_equal(above, 4); // 2 % of 200
	draw(n_features, 6);
	for (uint32_t r = 0; r < ROWS; r++) {
		float *x = values + (size_t)r * n_features;
		const uint32_t f = r % n_features;
		const float scale = f % 2 ? 100.0F : -0.01F;
		const float number = (x[f] - (float)(f % 7)) / scale - (float)(f % 3);

		// What another number would be there, which lies half of their range away.
		x[f] += scale * (number < 0.5F ? 0.5F : -0.5F);
	}
	score(scores);
	for (uint32_t r = 0; r < ROWS; r++)
		found += scores[r] > 1;
	assert_true(found > ROWS * 95 / 100);
}

static void a_few_features(void **state)
{
	broken_correlations_are_found(15);
	assert_string_equal(report.lines[0], "ensemble: 2 autoencoders of at most 10 features");
}

// The threshold is then that of the rows that are learnt from.
static void without_validation_rows(void **state)
{
	float scores[ROWS];
	uint32_t above = 0;

	draw(10, 5);
	job.validation = (struct dataset_part){ 0 };
	options.steps.epochs = 3;
	learn();
	score(scores);
	for (uint32_t r = 0; r < 400; r++)
		above += scores[r] > 1;
	assert_int_equal(above, 8); // 2 % of 400
}

// --- Checkpoints -----------------------------------------------------------------------------------

struct keeper {
	char path[32];
	int calls, ends; // at which of them the training is cut off
};

static int keep(void *context, const void *bytes, size_t size, struct error *e)
{
	struct keeper *keeper = context;
	FILE *file = fopen(keeper->path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
	return ++keeper->calls == keeper->ends ? error_set(e, -EINTR, "cut off") : 0;
}

// Cut off in the first training, or in the second: what is gone on to is the same model.
static void goes_on_from_either_training(void **state)
{
	float whole[ROWS], again[ROWS];

	draw(10, 5);
	options.steps.epochs = 4;
	learn();
	score(whole);
	for (int ends = 1; ends <= 2; ends++) {
		struct keeper keeper = { .path = "/tmp/kitsune.XXXXXX", .ends = ends };
		const int fd = mkstemp(keeper.path);

		assert_true(fd >= 0);
		close(fd);
		draw(10, 5);
		graph_destroy(job.graph);
		job.graph = NULL;
		options.checkpoint = (struct train_checkpoint){ .write = keep, .context = &keeper };
		assert_int_equal(kitsune_train(&job, &err), -EINTR);
		assert_int_equal(keeper.calls, ends);
		graph_destroy(job.graph);
		job.graph = NULL;
		keeper.ends = 0;
		options.checkpoint.resume = keeper.path;
		learn();
		score(again);
		assert_memory_equal(whole, again, sizeof(whole));
		unlink(keeper.path);
	}
}

// Scored in groups of clusters.
static void many_features(void **state)
{
	broken_correlations_are_found(MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_few_features, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_validation_rows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(goes_on_from_either_training, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_features, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
