// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/distil/distil_compare.h"

#include "base/decision.h"
#include "base/floats.h"
#include "infer/learn/judge/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HELD_FEW 100 // rows

struct comparison { // of the rows held back that both score
	float *x, *teacher, *student;
	int32_t *truth, *decided; // of those that bear a label
	size_t n;
};

static void comparison_fini(struct comparison *c)
{
	free(c->x);
	free(c->teacher);
	free(c->student);
	free(c->truth);
	free(c->decided);
}

static int comparison_init(struct distilling *d, struct comparison *c)
{
	const size_t n = d->held.n > MODEL_BATCH_MAX ? d->held.n : MODEL_BATCH_MAX;

	*c = (struct comparison){ .x = malloc(n * d->set.n_features * sizeof(float)),
		.teacher = malloc(n * d->lesson.n_outputs * sizeof(float)),
		.student = malloc(n * d->lesson.n_outputs * sizeof(float)),
		.truth = malloc(n * sizeof(int32_t)),
		.decided = malloc(n * sizeof(int32_t)) };
	if (!c->x || !c->teacher || !c->student || !c->truth || !c->decided)
		return error_set(d->err, -ENOMEM, "out of memory for %zu rows held back", n);
	return 0;
}

static void comparison_fill(
	struct distilling *d, struct comparison *c, const struct teacher *student)
{
	const size_t width = d->set.n_features, outputs = d->lesson.n_outputs;

	for (size_t i = 0; i < d->held.n; i++)
		memcpy(c->x + i * width, d->set.values + (size_t)d->held.index[i] * width,
			width * sizeof(float));
	teacher_score(&d->teacher, c->x, d->held.n, c->teacher);
	teacher_score(student, c->x, d->held.n, c->student);
	for (size_t i = 0; i < d->held.n; i++) {
		if (!floats_finite(c->teacher + i * outputs, outputs) ||
			!floats_finite(c->student + i * outputs, outputs) ||
			(!student->info->accepts_missing &&
				floats_missing(c->x + i * width, width)))
			continue;
		memmove(c->x + c->n * width, c->x + i * width, width * sizeof(float));
		memmove(c->teacher + c->n * outputs, c->teacher + i * outputs,
			outputs * sizeof(float));
		memmove(c->student + c->n * outputs, c->student + i * outputs,
			outputs * sizeof(float));
		c->truth[c->n++] =
			d->set.target == DATASET_CLASSES ? d->set.classes[d->held.index[i]] : -1;
	}
	d->result->n_left_out += d->held.n - c->n;
	d->result->n_held = c->n;
	if (c->n < HELD_FEW)
		report_add(d->report,
			"only %zu rows were held back: the agreement may be far off on others",
			c->n);
}

static void distil_agree(struct distilling *d, const struct comparison *c, struct decision *by)
{
	const uint32_t outputs = d->lesson.n_outputs;
	size_t same = 0;

	for (size_t i = 0; i < c->n; i++)
		same += !decision_differs(by, c->teacher + i * outputs, c->student + i * outputs);
	d->result->agreement = (double)same / (double)c->n;
}

static bool distil_is_anomaly(const struct model_info *info)
{
	// Kinds of `model train` with an anomaly score call it so, and have its threshold at 1.
	return info->n_outputs == 1 && info->n_class_labels == 0 &&
		strcmp(info->output_names[0], "anomaly_score") == 0;
}

static enum decision_rule distil_rule_of(const struct distilling *d)
{
	const struct model_info *info = d->teacher.info;

	if (info->n_outputs == 1 &&
		(!isnan(d->options->threshold) || info->n_class_labels == 2 ||
			distil_is_anomaly(info)))
		return DECISION_SIDE;
	if (info->n_outputs >= 2 && d->lesson.kind == LESSON_CLASSES)
		return DECISION_LARGEST;
	return decision_rule_of(info->n_class_labels, info->n_outputs);
}

bool distil_compares_numbers(const struct distilling *d)
{
	return distil_rule_of(d) == DECISION_WITHIN;
}

// How the two decide.
static void distil_rule(
	struct distilling *d, const struct comparison *c, float *allowed, struct decision *by)
{
	const struct model_info *info = d->teacher.info;

	*by = (struct decision){ .rule = distil_rule_of(d),
		.n_outputs = info->n_outputs,
		.threshold = !isnan(d->options->threshold) ? (float)d->options->threshold
			: distil_is_anomaly(info)          ? 1
							   : 0.5f,
		.allowed = allowed };
	if (by->rule == DECISION_WITHIN)
		decision_allow(c->teacher, (uint32_t)c->n, info->n_outputs,
			(float)d->options->tolerance, allowed);
	d->result->agreed = by->rule == DECISION_LARGEST ? "the largest score is the same one"
		: by->rule == DECISION_SIDE ? "the score is on the same side of the threshold"
					    : "scores within the tolerance";
}

static uint32_t distil_decide(const struct decision *by, const float *scores)
{
	return by->rule == DECISION_LARGEST ? decision_largest(scores, by->n_outputs)
					    : scores[0] >= by->threshold;
}

static int distil_judge(struct distilling *d, struct comparison *c, const struct decision *by,
	const float *scores, struct distil_side *side)
{
	const uint32_t n_classes = d->teacher.info->n_class_labels;
	struct metrics_class *classes = calloc(n_classes + 1u, sizeof(*classes));
	struct metrics_decided decided;
	int32_t *truth = calloc(c->n + 1, sizeof(*truth));
	size_t n = 0;

	if (!classes || !truth) {
		free(classes);
		free(truth);
		return error_set(d->err, -ENOMEM, "out of memory for %zu decisions", c->n);
	}
	for (size_t i = 0; i < c->n; i++) {
		if (c->truth[i] < 0)
			continue;
		truth[n] = c->truth[i];
		c->decided[n++] = (int32_t)distil_decide(by, scores + i * d->lesson.n_outputs);
	}
	decided = metrics_decide(truth, c->decided, NULL, n, classes, n_classes);
	side->f1 = n > 0 ? decided.macro.f1 : NAN;
	side->accuracy = n > 0 ? decided.accuracy : NAN;
	free(classes);
	free(truth);
	return 0;
}

static int distil_time(struct distilling *d, const struct comparison *c, const struct teacher *of,
	struct distil_side *side)
{
	struct bench_result results[MODEL_BATCH_CLASSES];
	const uint32_t n = (uint32_t)(c->n > MODEL_BATCH_MAX ? c->n : MODEL_BATCH_MAX);
	int rc = model_bench(of->model, c->x, n, results, d->err);

	for (int i = 0; i < MODEL_BATCH_CLASSES && rc == 0; i++)
		side->ns_per_row[i] = results[i].ns_per_row;
	side->image_bytes = of->bytes;
	return rc;
}

static int distil_compare_by(
	struct distilling *d, struct comparison *c, const struct teacher *student)
{
	const size_t width = d->set.n_features;
	float *allowed = malloc(d->lesson.n_outputs * sizeof(*allowed));
	struct decision by;
	int rc = 0;

	if (!allowed)
		return error_set(d->err, -ENOMEM, "out of memory");
	distil_rule(d, c, allowed, &by);
	distil_agree(d, c, &by);
	if (by.rule != DECISION_WITHIN)
		rc = distil_judge(d, c, &by, c->teacher, &d->result->teacher);
	if (rc == 0 && by.rule != DECISION_WITHIN)
		rc = distil_judge(d, c, &by, c->student, &d->result->student);
	// Timing wants full batches: the rows over again.
	for (size_t i = c->n; i < MODEL_BATCH_MAX; i++)
		memcpy(c->x + i * width, c->x + i % c->n * width, width * sizeof(float));
	if (rc == 0)
		rc = distil_time(d, c, &d->teacher, &d->result->teacher);
	if (rc == 0)
		rc = distil_time(d, c, student, &d->result->student);
	free(allowed);
	return rc;
}

int distil_compare(struct distilling *d, const void *image, size_t size)
{
	struct teacher student = { 0 };
	struct comparison c = { 0 };
	int rc = teacher_open_image(image, size, &student, d->err);

	if (rc == 0)
		rc = comparison_init(d, &c);
	if (rc == 0) {
		comparison_fill(d, &c, &student);
		if (c.n == 0)
			rc = error_set(d->err, -EINVAL,
				"%s: none of the %zu rows held back is scored by both: there is "
				"nothing to compare by",
				d->set.path, d->held.n);
	}
	if (rc == 0)
		rc = distil_compare_by(d, &c, &student);
	comparison_fini(&c);
	teacher_close(&student);
	return rc;
}
