// SPDX-License-Identifier: BSD-3-Clause
// Small models that were taught by big ones decide as they do.
#include "base/decision.h"
#include "base/file.h"
#include "infer/compile/compile.h"
#include "infer/compile/passes/constants.h"
#include "infer/learn/distil/distil.h"
#include "infer/learn/distil/lesson.h"
#include "infer/learn/distil/teacher.h"
#include "infer/learn/train/boosted.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"
#include "tests/unit/learn_case.h"
#include "tests/unit/xgboost_library.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS 1200

static struct error err;
static struct learn_case rows;
static char folder[] = "/tmp/martlet-distil-XXXXXX";
static char image_path[64], rows_path[64];

static void save(const char *path, const void *bytes, size_t size)
{
	FILE *file = file_create(path, &err);

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void save_graph(struct graph *graph)
{
	const struct compile_rows taught = { .values = rows.values, .n_rows = ROWS };
	void *image;
	size_t size;

	graph->name = "teacher";
	if (compile_graph(graph, &taught, NULL, &image, &size, NULL, &err) != 0)
		fail_msg("%s", err.text);
	save(image_path, image, size);
	free(image);
}

// Trees that ask for 2 x + 1 of each feature x.
static void scale_before_trees(struct graph *graph)
{
	const int64_t n = graph->n_features;
	uint32_t inputs[3] = { graph->inputs[0].tensor }, scaled, last = graph->n_nodes, at = 0;
	float *scale, *shift;
	struct node affine;

	inputs[1] = pass_constant(graph, "scale", 1, n, 0, &scale, &err);
	inputs[2] = pass_constant(graph, "shift", 1, n, 0, &shift, &err);
	for (int64_t i = 0; i < n; i++) {
		scale[i] = 2;
		shift[i] = 1;
	}
	scaled = graph_add_tensor(graph, "scaled", DTYPE_F32, graph->tensors[inputs[0]].rank,
		graph->tensors[inputs[0]].dims, NULL, &err);
	while (graph->nodes[at].op != OP_TREES)
		at++;
	graph->nodes[at].inputs[0] = scaled;
	assert_int_equal(
		graph_add_node(graph, OP_AFFINE, "scaling", 3, inputs, 1, &scaled, &err), last);
	affine = graph->nodes[last];
	memmove(graph->nodes + 1, graph->nodes, last * sizeof(*graph->nodes));
	graph->nodes[0] = affine;
}

// Boosted trees that learnt the rows.
static void save_trees_of(uint32_t n_classes, bool scaled)
{
	struct train_options options = {
		.seed = 1, .threads = 1, .boosted = TRAIN_BOOSTED_DEFAULTS
	};
	struct train_job job = { .options = &options };

	learn_case_init(&rows, ROWS, n_classes, false);
	job.train = learn_case_part(&rows, 0, ROWS);
	job.validation.set = &rows.set;
	if (train_boosted(&job, &err) != 0)
		fail_msg("%s", err.text);
	free(job.train.index);
	if (scaled)
		scale_before_trees(job.graph);
	save_graph(job.graph);
}

static void save_trees(uint32_t n_classes)
{
	save_trees_of(n_classes, false);
}

// The rows, with their labels where these are wanted, missing cells left empty.
static void save_rows(bool labels)
{
	FILE *file = file_create(rows_path, &err);

	assert_non_null(file);
	for (uint32_t f = 0; f < LEARN_FEATURES; f++)
		fprintf(file, "%s%s", f ? "," : "", rows.set.feature_names[f]);
	fprintf(file, labels ? ",label\n" : "\n");
	for (size_t r = 0; r < ROWS; r++) {
		for (uint32_t f = 0; f < LEARN_FEATURES; f++) {
			const float x = rows.values[r * LEARN_FEATURES + f];

			if (isnan(x))
				fprintf(file, f ? "," : "");
			else
				fprintf(file, "%s%.9g", f ? "," : "", (double)x);
		}
		if (labels)
			fprintf(file, ",%s", rows.set.class_labels[rows.classes[r]]);
		fprintf(file, "\n");
	}
	assert_int_equal(fclose(file), 0);
}

static struct distil_options options_of(enum distil_student student)
{
	struct distil_options options = DISTIL_DEFAULTS;

	options.student = student;
	options.threads = 1;
	options.rounds = 30;
	options.depth = 5;
	options.epochs = 40;
	options.batch = 64;
	return options;
}

static int distil(const struct distil_options *options, struct distil_result *result, void **image,
	size_t *size)
{
	const struct dataset_options read = { 0 };

	return model_distil(
		image_path, rows_path, &read, options, NULL, image, size, result, NULL, &err);
}

static void expect_agreement(const struct distil_options *options, double least, uint32_t n_outputs)
{
	struct distil_result result;
	float *scores;
	void *image;
	size_t size;

	if (distil(options, &result, &image, &size) != 0)
		fail_msg("%s", err.text);
	if (!(result.agreement >= least))
		fail_msg("agreement %g, should be %g", result.agreement, least);
	assert_in_range(result.n_held, ROWS / 6, ROWS / 5);
	assert_true(result.student.ns_per_row[0] > 0);
	scores = learn_case_score_image(&rows, image, size, n_outputs);
	free(scores);
	free(image);
}

static void trees_teach_trees_and_networks(void **state)
{
	for (uint32_t n_classes = 2; n_classes <= 3; n_classes++) {
		struct distil_options options = options_of(DISTIL_TREES);

		save_trees(n_classes);
		save_rows(n_classes == 2);
		expect_agreement(&options, 0.95, n_classes);
		options.student = DISTIL_DENSE;
		expect_agreement(&options, 0.85, n_classes);
		options.alpha = 0.3;
		options.drawn = 0;
		expect_agreement(&options, 0.85, n_classes);
		learn_case_fini(&rows);
	}
}

static void numbers_are_taught(void **state)
{
	struct distil_options options = options_of(DISTIL_TREES);

	options.tolerance = 0.1;
	save_trees(0);
	save_rows(false);
	expect_agreement(&options, 0.85, 1);
	options.student = DISTIL_DENSE;
	expect_agreement(&options, 0.7, 1);
	options.threshold = 0.5;
	expect_agreement(&options, 0.93, 1);
	learn_case_fini(&rows);
}

static void networks_teach(void **state)
{
	const uint32_t sizes[] = { LEARN_FEATURES, 16, 3 };

	for (int softmax = 0; softmax < 2; softmax++) {
		const struct distil_options options = options_of(DISTIL_DENSE);
		struct graph *graph;

		learn_case_init(&rows, ROWS, 3, true);
		graph = graph_mlp(3, sizes, softmax, 5);
		graph->feature_names = (const char **)(uintptr_t)rows.set.feature_names;
		graph->class_labels = (const char **)(uintptr_t)rows.set.class_labels;
		graph->n_class_labels = 3;
		graph->accepts_missing = true;
		save_graph(graph);
		save_rows(false);
		expect_agreement(&options, 0.9, 3);
		learn_case_fini(&rows);
	}
}

static void same_seed_gives_the_same_image(void **state)
{
	struct distil_options options = options_of(DISTIL_TREES);
	struct distil_result result;
	void *image[3];
	size_t size[3];

	save_trees(2);
	save_rows(true);
	for (int i = 0; i < 3; i++) {
		options.threads = i == 0 ? 1 : 2;
		options.seed = i == 2 ? 9 : 1;
		assert_int_equal(distil(&options, &result, &image[i], &size[i]), 0);
		assert_false(isnan(result.student.f1));
	}
	assert_int_equal(size[0], size[1]);
	assert_memory_equal(image[0], image[1], size[0]);
	assert_true(size[0] != size[2] || memcmp(image[0], image[2], size[0]) != 0);
	for (int i = 0; i < 3; i++)
		free(image[i]);
	learn_case_fini(&rows);
}

static void drawn_rows_lie_between_thresholds(void **state)
{
	struct teacher teacher;
	uint64_t seed = 1;
	size_t moved = 0;
	float drawn[LEARN_FEATURES];

	save_trees(2);
	assert_int_equal(teacher_open(image_path, NULL, &teacher, &err), 0);
	assert_int_equal(teacher.trees, 100);
	for (uint32_t f = 0; f < LEARN_FEATURES; f++) {
		const struct teacher_cells *cells = &teacher.cells[f];

		assert_true(cells->n > 2 && !cells->members);
		for (uint32_t c = 0; c < cells->n; c++) {
			assert_true(c == 0 || cells->values[c] >= cells->upper[c - 1]);
			assert_true(c + 1 == cells->n || cells->values[c] < cells->upper[c]);
		}
	}
	for (size_t r = 0; r < ROWS; r++) {
		const float *x = rows.values + r * LEARN_FEATURES;

		teacher_draw(&teacher, x, &seed, drawn);
		for (uint32_t f = 0; f < LEARN_FEATURES; f++)
			moved += drawn[f] != x[f];
	}
	assert_true(moved > ROWS * LEARN_FEATURES / 5 && moved < ROWS * LEARN_FEATURES / 3);
	teacher_close(&teacher);
	learn_case_fini(&rows);
}

static void thresholds_of_scaled_features_are_the_rows_own(void **state)
{
	struct teacher plain, scaled;

	save_trees(2);
	assert_int_equal(teacher_open(image_path, NULL, &plain, &err), 0);
	learn_case_fini(&rows);
	save_trees_of(2, true);
	assert_int_equal(teacher_open(image_path, NULL, &scaled, &err), 0);
	assert_int_equal(scaled.trees, 100);
	for (uint32_t f = 0; f < LEARN_FEATURES; f++) {
		assert_int_equal(scaled.cells[f].n, plain.cells[f].n);
		for (uint32_t c = 0; c + 1 < plain.cells[f].n; c++)
			assert_float_equal(
				scaled.cells[f].upper[c], (plain.cells[f].upper[c] - 1) / 2, 1e-5);
	}
	teacher_close(&plain);
	teacher_close(&scaled);
	learn_case_fini(&rows);
}

static void temperature_softens(void **state)
{
	const struct lesson three = { .kind = LESSON_CLASSES, .n_outputs = 3 };
	const struct lesson one = { .kind = LESSON_PROBABILITY, .n_outputs = 1 };
	const float p[3] = { 0.9f, 0.09f, 0.01f };
	float soft[3];

	lesson_soften(&three, p, 2, soft); // roots of p, divided by their sum: 0.948683, 0.3, 0.1
	assert_float_equal(soft[0], 0.948683 / 1.348683, 1e-6);
	assert_float_equal(soft[1], 0.3 / 1.348683, 1e-6);
	lesson_soften(&one, p, 2, soft);
	assert_float_equal(soft[0], 0.75, 1e-6); // odds 9, of which the root is 3
}

static bool stop_at_once(void *context, const struct learn_progress *progress)
{
	return false;
}

static void interruption_leaves_no_image(void **state)
{
	const struct learn_watch watch = { .step = stop_at_once };
	const struct dataset_options read = { 0 };
	struct distil_result result;
	void *image;
	size_t size;

	save_trees(2);
	save_rows(true);
	for (int i = 0; i < 2; i++) {
		const struct distil_options options =
			options_of(i == 0 ? DISTIL_TREES : DISTIL_DENSE);

		assert_int_equal(model_distil(image_path, rows_path, &read, &options, &watch,
					 &image, &size, &result, NULL, &err),
			-ECANCELED);
		assert_null(image);
	}
	learn_case_fini(&rows);
}

static int make_folder(void **state)
{
	assert_non_null(mkdtemp(folder));
	snprintf(image_path, sizeof(image_path), "%s/teacher.mlt", folder);
	snprintf(rows_path, sizeof(rows_path), "%s/rows.csv", folder);
	return 0;
}

static int remove_folder(void **state)
{
	unlink(image_path);
	unlink(rows_path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(temperature_softens),
		cmocka_unit_test(drawn_rows_lie_between_thresholds),
		cmocka_unit_test(thresholds_of_scaled_features_are_the_rows_own),
		cmocka_unit_test(trees_teach_trees_and_networks),
		cmocka_unit_test(numbers_are_taught),
		cmocka_unit_test(networks_teach),
		cmocka_unit_test(same_seed_gives_the_same_image),
		cmocka_unit_test(interruption_leaves_no_image),
	};

	if (!xgboost_is_here())
		return XGBOOST_SKIPPED;
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
