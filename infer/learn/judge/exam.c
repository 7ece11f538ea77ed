// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/judge/exam.h"

#include "base/align.h"
#include "base/decision.h"
#include "infer/learn/data/fill.h"
#include "infer/learn/judge/metrics.h"
#include "infer/model_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXAM_BATCH 256u

// --- What says what -------------------------------------------------------------------------------

// Does one column say a class, though the model has no labels? XGBoost's do not tell. Then what the rows bear decides.
static bool exam_may_be_number(const struct model_info *info)
{
	return info->n_class_labels < 2 && info->n_outputs == 1 &&
		strcmp(info->output_names[0], "anomaly_score") != 0;
}

// What is missing is filled as the model fills it, for those that learn from the rows without it.
static int exam_read_set(const char *path, const struct dataset_options *data, const float *fill,
	struct exam *exam, struct error *err)
{
	int rc = dataset_read(path, data, &exam->set, err);

	return rc == 0 && fill ? fill_rows(&exam->set, fill, NULL, err) : rc;
}

static int exam_read_rows(const char *path, const struct exam_options *options,
	const struct model_info *info, struct exam *exam, struct error *err)
{
	struct dataset_options data = options->data;
	int rc;

	data.model = info;
	data.keep_missing = options->fill != NULL;
	data.target = DATASET_CLASSES;
	rc = exam_read_set(path, &data, options->fill, exam, err);
	if (!exam_may_be_number(info) || (rc == 0 && exam->set.n_classes == 2))
		return rc;
	if (rc == 0)
		dataset_fini(&exam->set);
	exam->set = (struct dataset){ 0 };
	exam->numbers = true;
	data.target = DATASET_NUMBERS;
	return exam_read_set(path, &data, options->fill, exam, err);
}

// The classes' columns of several: all, or those that compiling calls "...[label]".
static int exam_find_columns(struct exam *exam, const struct model_info *info, struct error *err)
{
	const uint32_t n = exam->set.n_classes;
	char ending[256];

	exam->n_columns = n;
	if (info->n_outputs == n || info->n_outputs == 1)
		return 0;
	snprintf(ending, sizeof(ending), "[%s]", exam->set.class_labels[0]);
	for (uint32_t c = 0; c + n <= info->n_outputs && info->n_class_labels == n; c++) {
		const size_t length = strlen(info->output_names[c]);

		if (length < strlen(ending) ||
			strcmp(info->output_names[c] + length - strlen(ending), ending) != 0)
			continue;
		exam->first_column = c;
		return 0;
	}
	return error_set(err, -EINVAL,
		"%s: its rows are of %u classes, and the model's %u scores do not say which of "
		"them "
		"are the classes'",
		exam->set.path, n, info->n_outputs);
}

static bool exam_is_normal(const char *label)
{
	return strcmp(label, "normal") == 0 || strcmp(label, "benign") == 0;
}

// Of one column: it is the score of the second class, unless the model has no labels of its own and that is what
// an anomaly is told from.
static int exam_find_truth(struct exam *exam, const struct model_info *info, struct error *err)
{
	const bool flip = info->n_class_labels == 0 && info->n_outputs == 1 &&
		exam->set.n_classes == 2 && exam_is_normal(exam->set.class_labels[1]);

	if (info->n_outputs == 1 && exam->set.n_classes != 2)
		return error_set(err, -EINVAL,
			"%s: one score decides between two classes, and the rows are of %u: "
			"--group "
			"makes two of them",
			exam->set.path, exam->set.n_classes);
	exam->truth = malloc((exam->set.n_rows + 1) * sizeof(*exam->truth));
	if (!exam->truth)
		return error_set(err, -ENOMEM, "out of memory for %zu labels", exam->set.n_rows);
	for (size_t r = 0; r < exam->set.n_rows; r++)
		exam->truth[r] = flip ? 1 - exam->set.classes[r] : exam->set.classes[r];
	exam->is_turned = flip;
	exam->is_anomaly =
		info->n_outputs == 1 && strcmp(info->output_names[0], "anomaly_score") == 0;
	return exam_find_columns(exam, info, err);
}

// --- Scores ---------------------------------------------------------------------------------------

float *exam_held_values(const struct exam *exam)
{
	const size_t width = exam->set.n_features;
	float *values = malloc((exam->held.n * width + 1) * sizeof(*values));

	for (size_t i = 0; values && i < exam->held.n; i++)
		memcpy(values + i * width, exam->set.values + exam->held.index[i] * width,
			width * sizeof(*values));
	return values;
}

// Scores of the held rows, malloc'ed. NULL: no memory, err filled.
static float *exam_score(const struct exam *exam, const struct model *model, struct error *err)
{
	float *values = exam_held_values(exam);
	float *scores = malloc((exam->held.n * exam->n_outputs + 1) * sizeof(*scores));
	void *scratch = aligned_alloc(64, align_up(model_scratch_bytes(model, EXAM_BATCH), 64));

	if (values && scores && scratch) {
		model_score(model, values, scores, (uint32_t)exam->held.n, scratch, EXAM_BATCH);
	} else {
		free(scores);
		scores = NULL;
		error_set(err, -ENOMEM, "out of memory for scores of %zu rows", exam->held.n);
	}
	free(values);
	free(scratch);
	return scores;
}

static int32_t exam_decide(const struct exam *exam, const float *scores)
{
	const float threshold = exam->is_anomaly ? 1.0f : exam->is_probability ? 0.5f : 0.0f;

	if (exam->n_outputs == 1)
		return scores[0] >= threshold;
	return (int32_t)decision_largest(scores + exam->first_column, exam->n_columns);
}

// A score of a model that names no classes may be that of either of them: of the one that it is right about more often
// than not.
static void exam_turn(struct exam *exam, const float *scores, struct compile_report *report)
{
	size_t right = 0;

	for (size_t i = 0; i < exam->held.n; i++)
		right += exam_decide(exam, scores + i) == exam->truth[exam->held.index[i]];
	if (right * 2 < exam->held.n) {
		for (size_t r = 0; r < exam->set.n_rows; r++)
			exam->truth[r] = 1 - exam->truth[r];
		exam->is_turned = !exam->is_turned;
	}
	report_add(report, "the model names no classes: its score is taken for that of '%.80s'",
		exam->set.class_labels[exam->is_turned ? 0 : 1]);
}

// Are all of the one column probabilities? Asked once, of the model as it was: its threshold stays.
static int exam_look(struct exam *exam, const struct model *model, struct compile_report *report,
	struct error *err)
{
	float *scores = exam_score(exam, model, err);

	if (!scores)
		return err->code;
	exam->is_probability = true;
	for (size_t r = 0; r < exam->held.n; r++)
		exam->is_probability &= scores[r] >= 0 && scores[r] <= 1;
	if (!exam->numbers && !exam->is_anomaly && model_info(model)->n_class_labels < 2)
		exam_turn(exam, scores, report);
	free(scores);
	return 0;
}

// By rows that all bear the same label, whatever says it always is right.
static int exam_check_labels(const struct exam *exam, struct error *err)
{
	const struct dataset *set = &exam->set;

	for (size_t r = 1; r < set->n_rows; r++)
		if (exam->numbers ? set->numbers[r] != set->numbers[0]
				  : set->classes[r] != set->classes[0])
			return 0;
	return error_set(err, -EINVAL,
		"%s: all %zu rows bear the same label, by which nothing can be judged", set->path,
		set->n_rows);
}

int exam_read(const char *path, const struct exam_options *options, const struct model *model,
	struct exam *exam, struct compile_report *report, struct error *err)
{
	const struct model_info *info = model_info(model);
	int rc;

	if (!(options->share > 0 && options->share < 1))
		return error_set(err, -EINVAL,
			"the share of the rows that is held back should be above 0 and below 1");
	rc = exam_read_rows(path, options, info, exam, err);
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < exam->set.n_notes; i++)
		report_add(report, "%s", exam->set.notes[i]);
	rc = exam_check_labels(exam, err);
	if (rc != 0)
		return rc;
	exam->n_outputs = info->n_outputs;
	if (exam->numbers)
		exam->n_columns = 1;
	else
		rc = exam_find_truth(exam, info, err);
	if (rc == 0)
		rc = dataset_split(
			&exam->set, options->share, options->seed, &exam->train, &exam->held, err);
	if (rc == 0 && exam->n_outputs == 1)
		rc = exam_look(exam, model, report, err);
	return rc;
}

void exam_fini(struct exam *exam)
{
	free(exam->truth);
	dataset_part_fini(&exam->train);
	dataset_part_fini(&exam->held);
	dataset_fini(&exam->set);
	*exam = (struct exam){ 0 };
}

// --- The figure -----------------------------------------------------------------------------------

const char *exam_figure(const struct exam *exam)
{
	return exam->numbers ? "R2" : "F1";
}

static int exam_judge_classes(
	const struct exam *exam, const float *scores, double *figure, struct error *err)
{
	const size_t n = exam->held.n;
	int32_t *truth = malloc((n + 1) * sizeof(*truth)),
		*decided = malloc((n + 1) * sizeof(*decided));
	double *weights = malloc((n + 1) * sizeof(*weights));
	struct metrics_class *classes = calloc(exam->set.n_classes + 1ull, sizeof(*classes));
	int rc = 0;

	if (truth && decided && weights && classes) {
		for (size_t i = 0; i < n; i++) {
			const uint32_t row = exam->held.index[i];

			truth[i] = exam->truth[row];
			decided[i] = exam_decide(exam, scores + i * exam->n_outputs);
			weights[i] = exam->set.weights ? (double)exam->set.weights[row] : 1;
		}
		*figure = metrics_decide(truth, decided, weights, n, classes, exam->set.n_classes)
				  .macro.f1;
	} else {
		rc = error_set(err, -ENOMEM, "out of memory to judge %zu rows", n);
	}
	free(truth);
	free(decided);
	free(weights);
	free(classes);
	return rc;
}

static int exam_judge_numbers(
	const struct exam *exam, const float *scores, double *figure, struct error *err)
{
	const size_t n = exam->held.n;
	float *truth = malloc((n + 1) * sizeof(*truth));
	double *weights = malloc((n + 1) * sizeof(*weights));
	int rc = 0;

	if (truth && weights) {
		for (size_t i = 0; i < n; i++) {
			const uint32_t row = exam->held.index[i];

			truth[i] = exam->set.numbers[row];
			weights[i] = exam->set.weights ? (double)exam->set.weights[row] : 1;
		}
		*figure = metrics_regress(truth, scores, weights, n).r2;
	} else {
		rc = error_set(err, -ENOMEM, "out of memory to judge %zu rows", n);
	}
	free(truth);
	free(weights);
	return rc;
}

int exam_judge(const struct exam *exam, const float *scores, double *figure, struct error *err)
{
	for (size_t i = 0; i < exam->held.n * exam->n_outputs; i++)
		if (!isfinite(scores[i]))
			return error_set(err, -EDOM, "a score of row %u of %s is not finite",
				exam->held.index[i / exam->n_outputs] + 1, exam->set.path);
	return (exam->numbers ? exam_judge_numbers : exam_judge_classes)(exam, scores, figure, err);
}

int exam_judge_model(
	const struct exam *exam, const struct model *model, double *figure, struct error *err)
{
	float *scores = exam_score(exam, model, err);
	int rc;

	if (!scores)
		return err->code;
	rc = exam_judge(exam, scores, figure, err);
	free(scores);
	return rc;
}

int exam_judge_graph(
	const struct exam *exam, const struct graph *graph, double *figure, struct error *err)
{
	const struct model_options options = { .no_timing = true };
	struct model *model;
	int rc = model_build(graph, 0, &options, &model, err);

	if (rc != 0)
		return rc;
	rc = exam_judge_model(exam, model, figure, err);
	model_close(model);
	return rc;
}

int exam_time(const struct exam *exam, const struct model *model,
	double ns_per_row[MODEL_BATCH_CLASSES], struct error *err)
{
	const size_t width = exam->set.n_features;
	// Timing wants full batches: where there are fewer rows, they are taken over again.
	const size_t n = exam->held.n > MODEL_BATCH_MAX ? exam->held.n : MODEL_BATCH_MAX;
	struct bench_result results[MODEL_BATCH_CLASSES];
	float *rows = malloc(n * width * sizeof(*rows));
	int rc;

	if (!rows)
		return error_set(err, -ENOMEM, "out of memory to time %zu rows", n);
	for (size_t i = 0; i < n; i++)
		memcpy(rows + i * width,
			exam->set.values + exam->held.index[i % exam->held.n] * width,
			width * sizeof(*rows));
	rc = model_bench(model, rows, (uint32_t)n, results, err);
	for (int i = 0; i < MODEL_BATCH_CLASSES && rc == 0; i++)
		ns_per_row[i] = results[i].ns_per_row;
	free(rows);
	return rc;
}
