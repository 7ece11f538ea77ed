// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/judge/subject.h"

#include "base/align.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_ROWS 4096u

int subject_no_memory(const struct subject *subject, struct error *err)
{
	return error_set(err, -ENOMEM, "out of memory for %zu rows", subject->verdict->n_rows);
}

// --- Which outputs, and as what ------------------------------------------------------------------

// Does `name` end in "[label]"?
static bool names_class(const char *name, const char *label)
{
	const size_t name_bytes = strlen(name), bytes = strlen(label);

	return name_bytes >= bytes + 2 && name[name_bytes - 1] == ']' &&
		memcmp(name + name_bytes - 1 - bytes, label, bytes) == 0 &&
		name[name_bytes - 2 - bytes] == '[';
}

// The first of the columns that are the classes', one beside the other; n_outputs: there are none.
static uint32_t find_classes(const struct model_info *info)
{
	const uint32_t n = info->n_class_labels;

	for (uint32_t first = 0; n >= 2 && first + n <= info->n_outputs; first++) {
		uint32_t c = 0;

		while (c < n && names_class(info->output_names[first + c], info->class_labels[c]))
			c++;
		if (c == n)
			return first;
	}
	return info->n_outputs;
}

static bool is_called(const char *name, const char *ending)
{
	const size_t bytes = strlen(name), end = strlen(ending);

	return bytes >= end && strcasecmp(name + bytes - end, ending) == 0;
}

static int refuse_outputs(const struct model_info *info, struct error *err)
{
	return error_set(err, -EINVAL,
		"the model has %u outputs and %u class labels, and which are the classes' scores "
		"is not "
		"said; compile it with --outputs, or with --classes",
		info->n_outputs, info->n_class_labels);
}

// Of a list of classes: a score cannot tell more than two.
static bool names_more_than_two(const char *list)
{
	const char *comma = list ? strchr(list, ',') : NULL;

	return comma && strchr(comma + 1, ',');
}

// What its model says of the outputs; EVALUATE_AUTO: one column that may be of two classes or a number.
static int choose_outputs(struct subject *subject, struct error *err)
{
	const struct model_info *info = subject->info;
	enum evaluate_as as = subject->options->as;
	const uint32_t first = find_classes(info);

	subject->n_columns = info->n_outputs;
	if (as == EVALUATE_AUTO && info->n_outputs == 1) {
		const char *name = info->output_names[0];

		as = info->n_class_labels == 2                           ? EVALUATE_SCORE
			: names_more_than_two(subject->options->classes) ? EVALUATE_LABEL
			: strcmp(name, "anomaly_score") == 0             ? EVALUATE_ANOMALY
			: is_called(name, "label")                       ? EVALUATE_LABEL
									 : EVALUATE_AUTO;
	} else if (as == EVALUATE_AUTO) {
		as = EVALUATE_CLASSES;
	}
	if (as == EVALUATE_CLASSES) {
		if (info->n_class_labels && info->n_class_labels != info->n_outputs) {
			if (first == info->n_outputs)
				return refuse_outputs(info, err);
			subject->first_column = first;
			subject->n_columns = info->n_class_labels;
		}
		if (subject->n_columns < 2)
			return error_set(err, -EINVAL,
				"the model has one output, which is no score for each class");
	} else if (info->n_outputs != 1) {
		return error_set(err, -EINVAL,
			"the model has %u outputs, of which one is to be judged; compile it with "
			"--outputs",
			info->n_outputs);
	}
	subject->verdict->as = as;
	return 0;
}

// --- Rows and labels -----------------------------------------------------------------------------

static int read_as(struct subject *subject, enum dataset_target target, struct error *err)
{
	struct dataset_options options = subject->options->data;

	if (subject->has_read && strcmp(subject->options->rows_path, "-") == 0)
		return error_set(err, -EINVAL,
			"standard input is read once, and what the output is shows from the "
			"labels: --as "
			"says it, or name a file");
	subject->has_read = true;
	options.model = subject->info;
	options.target = target;
	options.allow_unlabelled = true;
	options.allow_one_class = true;
	options.keep_missing = subject->info->accepts_missing;
	dataset_fini(&subject->set);
	return dataset_read(subject->options->rows_path, &options, &subject->set, err);
}

static bool all_zero_or_one(const struct dataset *set)
{
	for (size_t i = 0; i < set->n_rows; i++)
		if (!isnan(set->numbers[i]) && set->numbers[i] != 0 && set->numbers[i] != 1)
			return false;
	return true;
}

// Of one column that may be a number or a score: by the labels.
static int read_to_tell(struct subject *subject, struct error *err)
{
	struct verdict *verdict = subject->verdict;
	struct error number;
	int rc = read_as(subject, DATASET_NUMBERS, &number);

	if (rc == 0 && subject->set.target == DATASET_NONE)
		return 0; // which read_rows() refuses
	if (rc == 0 && !all_zero_or_one(&subject->set)) {
		verdict->as = EVALUATE_NUMBER;
		return 0;
	}
	if (rc != 0 && rc != -EINVAL && rc != -EDOM) {
		*err = number;
		return rc;
	}
	// What reading stumbled over is a text among the labels, or it stumbles again.
	verdict->as = EVALUATE_SCORE;
	return read_as(subject, DATASET_CLASSES, err);
}

static int read_rows(struct subject *subject, struct error *err)
{
	struct verdict *verdict = subject->verdict;
	int rc;

	if (verdict->as == EVALUATE_AUTO)
		rc = read_to_tell(subject, err);
	else
		rc = read_as(subject,
			verdict->as == EVALUATE_NUMBER ? DATASET_NUMBERS : DATASET_CLASSES, err);
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < subject->set.n_notes && verdict->n_notes < subject->set.n_notes;
		i++)
		verdict_note(verdict, "%s", subject->set.notes[i]);
	if (subject->set.target == DATASET_NONE)
		return error_set(err, -EINVAL,
			"%s has no column of labels to judge by; --label says which it is, "
			"--labels "
			"which file has them",
			subject->options->rows_path);
	memcpy(verdict->rows_sha256, subject->set.sha256, sizeof(verdict->rows_sha256));
	verdict->weighted = subject->set.weights != NULL;
	return model_check_rows(subject->info, subject->options->rows_path, subject->set.values,
		subject->set.n_rows, err);
}

static bool is_labelled(const struct dataset *set, size_t row)
{
	return set->classes ? set->classes[row] >= 0 : !isnan(set->numbers[row]);
}

// Memory for what is kept of each row.
static int keep_rows(struct subject *subject, struct error *err)
{
	const struct dataset *set = &subject->set;
	size_t n = 0;

	for (size_t i = 0; i < set->n_rows; i++)
		n += is_labelled(set, i);
	subject->verdict->n_rows = n;
	subject->verdict->n_unlabelled = set->n_rows - n;
	if (n == 0)
		return error_set(err, -EINVAL, "%s: none of its %zu rows bears a label",
			subject->options->rows_path, set->n_rows);
	subject->scores = calloc(n, subject->n_columns * sizeof(float));
	subject->of_set = set->classes ? calloc(n, sizeof(int32_t)) : NULL;
	subject->numbers = set->classes ? NULL : calloc(n, sizeof(float));
	subject->weights = set->weights ? calloc(n, sizeof(double)) : NULL;
	if (!subject->scores || (!subject->of_set && !subject->numbers) ||
		(set->weights && !subject->weights))
		return subject_no_memory(subject, err);
	return 0;
}

// Rows and scores of one pass.
struct pass {
	float *rows, *outputs;
	void *scratch;
	uint32_t n;
	size_t kept; // rows whose scores are there already
};

static int tell_progress(const struct subject *subject, size_t done, struct error *err)
{
	const struct learn_watch *watch = subject->watch;
	const struct learn_progress progress = { .stage = "rows",
		.done = done,
		.total = subject->verdict->n_rows,
		.loss = NAN,
		.score = NAN };

	if (watch && watch->step && !watch->step(watch->context, &progress))
		return error_set(err, -ECANCELED, "interrupted after %zu of %zu rows", done,
			subject->verdict->n_rows);
	return 0;
}

static int pass_score(struct subject *subject, struct pass *pass, struct error *err)
{
	const struct model_info *info = subject->info;

	model_score(
		subject->model, pass->rows, pass->outputs, pass->n, pass->scratch, MODEL_BATCH_MAX);
	for (uint32_t i = 0; i < pass->n; i++) {
		float *to = subject->scores + (pass->kept + i) * subject->n_columns;

		memcpy(to, pass->outputs + (size_t)i * info->n_outputs + subject->first_column,
			subject->n_columns * sizeof(*to));
		for (uint32_t c = 0; c < subject->n_columns; c++)
			if (!isfinite(to[c]))
				return error_set(err, -EDOM,
					"%s: of labelled row %zu the score %s is %g, which cannot "
					"be "
					"judged",
					subject->options->rows_path, pass->kept + i + 1,
					info->output_names[subject->first_column + c],
					(double)to[c]);
	}
	pass->kept += pass->n;
	pass->n = 0;
	return tell_progress(subject, pass->kept, err);
}

static int score_rows(struct subject *subject, struct pass *pass, struct error *err)
{
	const struct dataset *set = &subject->set;
	int rc = 0;

	for (size_t i = 0; i < set->n_rows && rc == 0; i++) {
		const size_t at = pass->kept + pass->n;

		if (!is_labelled(set, i))
			continue;
		if (set->classes)
			subject->of_set[at] = set->classes[i];
		else
			subject->numbers[at] = set->numbers[i];
		if (set->weights)
			subject->weights[at] = (double)set->weights[i];
		memcpy(pass->rows + (size_t)pass->n * set->n_features,
			set->values + i * set->n_features, set->n_features * sizeof(float));
		if (++pass->n == CHUNK_ROWS)
			rc = pass_score(subject, pass, err);
	}
	return rc != 0 || pass->n == 0 ? rc : pass_score(subject, pass, err);
}

static int score(struct subject *subject, struct error *err)
{
	const size_t scratch =
		align_up(model_scratch_bytes(subject->model, MODEL_BATCH_MAX) + 1, 64);
	struct pass pass = {
		.rows = calloc(CHUNK_ROWS, subject->set.n_features * sizeof(float)),
		.outputs = calloc(CHUNK_ROWS, subject->info->n_outputs * sizeof(float)),
		.scratch = aligned_alloc(64, scratch),
	};
	int rc;

	if (!pass.rows || !pass.outputs || !pass.scratch)
		rc = subject_no_memory(subject, err);
	else
		rc = score_rows(subject, &pass, err);
	free(pass.rows);
	free(pass.outputs);
	free(pass.scratch);
	return rc;
}

// --- All of it -----------------------------------------------------------------------------------

static int read_and_score(struct subject *subject, struct error *err)
{
	int rc = read_rows(subject, err);

	if (rc == 0)
		rc = keep_rows(subject, err);
	return rc != 0 ? rc : score(subject, err);
}

static void forget_rows(struct subject *subject)
{
	free(subject->scores);
	free(subject->of_set);
	free(subject->numbers);
	free(subject->weights);
	subject->scores = subject->numbers = NULL;
	subject->of_set = NULL;
	subject->weights = NULL;
	dataset_fini(&subject->set);
}

// Are labels and outputs whole numbers from 0, as classes' numbers are?
static bool are_class_numbers(const struct subject *subject)
{
	for (size_t i = 0; i < subject->verdict->n_rows; i++) {
		const float label = subject->numbers[i], output = subject->scores[i];

		if (label < 0 || output < 0 || label != floorf(label) || output != floorf(output) ||
			label >= SUBJECT_CLASSES_MAX || output >= SUBJECT_CLASSES_MAX)
			return false;
	}
	return true;
}

int subject_read(struct subject *subject, struct error *err)
{
	struct verdict *verdict = subject->verdict;
	bool tell;
	int rc;

	subject->positive = -1;
	verdict->threshold = NAN;
	rc = choose_outputs(subject, err);
	tell = verdict->as == EVALUATE_AUTO;
	if (rc == 0)
		rc = read_and_score(subject, err);
	if (rc == 0 && tell && verdict->as == EVALUATE_NUMBER && are_class_numbers(subject)) {
		verdict->as = EVALUATE_LABEL;
		forget_rows(subject);
		rc = read_and_score(subject, err);
	}
	if (rc == 0 && verdict->as == EVALUATE_NUMBER)
		verdict_note(verdict, "the output %s is a number, as the label is",
			subject->info->output_names[0]);
	return rc;
}

void subject_fini(struct subject *subject)
{
	struct judged *judged = &subject->judged;

	for (uint32_t c = 0; judged->rankings && c < judged->n_classes; c++)
		ranking_fini(&judged->rankings[c]);
	free(judged->rankings);
	ranking_fini(&judged->ranking);
	forget_rows(subject);
	free(subject->truth);
	free(subject->predicted);
	free(subject->is);
	free(subject->says);
	free(subject->positive_scores);
	free(subject->log_loss);
	free(subject->brier);
	free(subject->confidence);
	free(subject->right);
}
