// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/judge/subject_classes.h"

#include "base/decision.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SUMS_TO_ONE 1e-3

// --- Classes -------------------------------------------------------------------------------------

static int add_label(struct verdict *verdict, const char *label, size_t bytes, struct error *err)
{
	char **grown = realloc(verdict->class_labels, (verdict->n_classes + 1) * sizeof(*grown));

	if (grown) {
		verdict->class_labels = grown;
		grown[verdict->n_classes] = strndup(label, bytes);
	}
	if (!grown || !grown[verdict->n_classes])
		return error_set(err, -ENOMEM, "out of memory for the classes' names");
	verdict->n_classes++;
	return 0;
}

// How many classes a column of labels knows: as many as it or the rows need.
static int count_labels(const struct subject *subject, uint32_t *n, struct error *err)
{
	*n = 2;
	for (size_t i = 0; i < subject->verdict->n_rows; i++) {
		const double label = (double)subject->scores[i];

		if (label < 0 || label >= SUBJECT_CLASSES_MAX || label != floor(label))
			return error_set(err, -EINVAL,
				"the output %s is %g, where a class's number, from 0, was "
				"expected; --as says what "
				"it is",
				subject->info->output_names[0], label);
		*n = label >= *n ? (uint32_t)label + 1 : *n;
	}
	for (uint32_t c = 0; c < subject->set.n_classes; c++) {
		char *end;
		const unsigned long label = strtoul(subject->set.class_labels[c], &end, 10);

		if (!*end && end != subject->set.class_labels[c] && label < SUBJECT_CLASSES_MAX)
			*n = label >= *n ? (uint32_t)label + 1 : *n;
	}
	return 0;
}

// The classes that the model decides between: its own labels, those of --classes, or numbers.
static int name_classes(struct subject *subject, struct error *err)
{
	const struct model_info *info = subject->info;
	struct verdict *verdict = subject->verdict;
	const bool label = verdict->as == EVALUATE_LABEL;
	uint32_t wanted = verdict->as == EVALUATE_SCORE ? 2 : subject->n_columns;
	const char *list = subject->options->classes;
	int rc = 0;

	if (info->n_class_labels && list)
		return error_set(err, -EINVAL,
			"the model's classes are named already; --classes is for those that have "
			"no labels");
	for (uint32_t c = 0; c < info->n_class_labels && rc == 0; c++)
		rc = add_label(verdict, info->class_labels[c], SIZE_MAX, err);
	for (; list && rc == 0;
		list = list[strcspn(list, ",")] ? list + strcspn(list, ",") + 1 : NULL)
		rc = add_label(verdict, list, strcspn(list, ","), err);
	if (rc == 0 && label)
		rc = count_labels(subject, &wanted, err);
	if (rc == 0 && verdict->n_classes == 0)
		verdict_note(verdict, "the model names no classes: they are 0 to %u", wanted - 1);
	for (uint32_t c = 0; verdict->n_classes == c && c < wanted && rc == 0; c++) {
		char number[16];

		snprintf(number, sizeof(number), "%u", c);
		rc = add_label(verdict, number, SIZE_MAX, err);
	}
	if (rc == 0 && (label ? verdict->n_classes < wanted : verdict->n_classes != wanted))
		rc = error_set(err, -EINVAL, "%u classes are named, the model has %u",
			verdict->n_classes, wanted);
	return rc;
}

static uint32_t find_label(char *const *labels, uint32_t n, const char *label)
{
	uint32_t c = 0;

	while (c < n && strcmp(labels[c], label) != 0)
		c++;
	return c;
}

static int refuse_label(
	const char *label, const char *whose, char *const *labels, uint32_t n, struct error *err)
{
	char known[200] = "";
	size_t used = 0;

	for (uint32_t c = 0; c < n && used < sizeof(known) - 1; c++)
		used += (size_t)snprintf(
			known + used, sizeof(known) - used, "%s%.40s", c ? ", " : "", labels[c]);
	return error_set(
		err, -EINVAL, "%s '%.80s' is none of the %u classes, %s", whose, label, n, known);
}

// The truth in the model's classes.
static int map_truth(struct subject *subject, struct error *err)
{
	const struct dataset *set = &subject->set;
	struct verdict *verdict = subject->verdict;
	int32_t *to = calloc(set->n_classes + 1, sizeof(*to));
	int rc = 0;

	subject->truth = calloc(verdict->n_rows, sizeof(int32_t));
	subject->predicted = calloc(verdict->n_rows, sizeof(int32_t));
	if (!to || !subject->truth || !subject->predicted) {
		free(to);
		return subject_no_memory(subject, err);
	}
	for (uint32_t c = 0; c < set->n_classes && rc == 0; c++) {
		to[c] = (int32_t)find_label(
			verdict->class_labels, verdict->n_classes, set->class_labels[c]);
		if (to[c] == (int32_t)verdict->n_classes && !subject->info->n_class_labels &&
			!subject->options->classes)
			rc = error_set(err, -EINVAL,
				"the model does not name its classes, and the rows' label '%.80s' "
				"is no "
				"number from 0 to %u: --classes A,B,... names them, in the model's "
				"order",
				set->class_labels[c], verdict->n_classes - 1);
		else if (to[c] == (int32_t)verdict->n_classes)
			rc = refuse_label(set->class_labels[c], "the rows' label",
				verdict->class_labels, verdict->n_classes, err);
	}
	for (size_t i = 0; i < verdict->n_rows && rc == 0; i++)
		subject->truth[i] = to[subject->of_set[i]];
	free(to);
	return rc;
}

// --- Decisions -----------------------------------------------------------------------------------

// The threshold that a score of one column decides by; NaN of others.
static double own_threshold(const struct subject *subject)
{
	const struct verdict *verdict = subject->verdict;

	if (verdict->as == EVALUATE_ANOMALY)
		return 1;
	if (verdict->as != EVALUATE_SCORE)
		return NAN;
	return verdict->probabilities ? 0.5 : 0;
}

static void decide_by_model(struct subject *subject)
{
	const struct verdict *verdict = subject->verdict;
	const double threshold = own_threshold(subject);

	for (size_t i = 0; i < verdict->n_rows; i++) {
		const float *row = subject->scores + i * subject->n_columns;

		if (verdict->as == EVALUATE_LABEL)
			subject->predicted[i] = (int32_t)row[0];
		else if (verdict->as == EVALUATE_CLASSES)
			subject->predicted[i] = (int32_t)decision_largest(row, subject->n_columns);
		else
			subject->predicted[i] = (double)row[0] >= threshold;
	}
}

// --- The class that is told from the rest --------------------------------------------------------

// "normal" or "benign", also as KDD's files have it: "normal.".
static bool is_normal(const char *label)
{
	size_t bytes = strlen(label);

	if (bytes > 0 && label[bytes - 1] == '.')
		bytes--;
	return bytes == 6 &&
		(strncasecmp(label, "normal", 6) == 0 || strncasecmp(label, "benign", 6) == 0);
}

// Which of n labels is told from the rest, or (*inverted) which the rest is told from. n: none is.
static int choose_positive(struct subject *subject, char *const *labels, uint32_t n,
	uint32_t *class, bool *inverted, struct error *err)
{
	const struct evaluate_options *options = subject->options;
	const char *said = options->positive ? options->positive : options->normal;
	uint32_t normal = n, n_normal = 0;

	*class = n;
	*inverted = false;
	if (options->positive && options->normal)
		return error_set(err, -EINVAL,
			"--positive and --normal say the same; one of them is enough");
	if (said) {
		*class = find_label(labels, n, said);
		*inverted = !options->positive;
		if (*class == n)
			return refuse_label(said, options->positive ? "--positive" : "--normal",
				labels, n, err);
		return 0;
	}
	for (uint32_t c = 0; c < n; c++)
		if (is_normal(labels[c])) {
			n_normal++;
			normal = c;
		}
	if (n_normal == 1) {
		*class = normal;
		*inverted = true;
	} else if (n == 2) {
		*class = 1;
	}
	return 0;
}

static int keep_positive(
	struct subject *subject, const char *label, bool inverted, struct error *err)
{
	struct verdict *verdict = subject->verdict;

	if (inverted ? asprintf(&verdict->positive, "not %s", label) < 0
		     : !(verdict->positive = strdup(label))) {
		verdict->positive = NULL;
		return error_set(err, -ENOMEM, "out of memory for a class's name");
	}
	subject->is = calloc(verdict->n_rows, sizeof(int32_t));
	subject->says = calloc(verdict->n_rows, sizeof(int32_t));
	subject->positive_scores = calloc(verdict->n_rows, sizeof(double));
	if (!subject->is || !subject->says || !subject->positive_scores)
		return subject_no_memory(subject, err);
	return 0;
}

static bool all_probabilities(const struct subject *subject)
{
	for (size_t i = 0; i < subject->verdict->n_rows; i++) {
		const float *row = subject->scores + i * subject->n_columns;
		double sum = 0;

		for (uint32_t c = 0; c < subject->n_columns; c++) {
			if (row[c] < 0 || row[c] > 1)
				return false;
			sum += (double)row[c];
		}
		if (subject->n_columns > 1 && fabs(sum - 1) > SUMS_TO_ONE)
			return false;
	}
	return true;
}

// The score of what is told from the rest, of one row.
static double positive_score(const struct subject *subject, const float *row)
{
	const bool probabilities = subject->verdict->probabilities;
	double score;

	if (subject->n_columns == 1) // of the second class
		return subject->positive == 1 ? (double)row[0]
			: probabilities       ? 1 - (double)row[0]
					      : -(double)row[0];
	score = (double)row[subject->positive];
	if (subject->n_columns == 2 && !probabilities)
		score -= (double)row[1 - subject->positive];
	if (!subject->inverted)
		return score;
	return probabilities ? 1 - score : -score;
}

void subject_decide(struct subject *subject, double threshold)
{
	const struct verdict *verdict = subject->verdict;

	for (size_t i = 0; i < verdict->n_rows; i++)
		subject->says[i] = subject->positive_scores[i] >= threshold;
	if (verdict->n_classes != 2)
		return;
	for (size_t i = 0; i < verdict->n_rows; i++)
		subject->predicted[i] =
			subject->says[i] ? subject->positive : 1 - subject->positive;
}

// Of two classes that the one which the rest is told from is the other's opposite.
static int tell_from_rest(struct subject *subject, struct error *err)
{
	struct verdict *verdict = subject->verdict;
	uint32_t class;
	bool inverted;
	int rc = choose_positive(
		subject, verdict->class_labels, verdict->n_classes, &class, &inverted, err);

	// Of more than two a class called "normal" is not enough: nobody asked.
	if (rc != 0 || class == verdict->n_classes ||
		(verdict->n_classes > 2 && !subject->options->positive &&
			!subject->options->normal))
		return rc;
	if (inverted && verdict->n_classes == 2) {
		class = 1 - class;
		inverted = false;
	}
	subject->positive = (int32_t) class;
	subject->inverted = inverted;
	subject->plain = subject->n_columns == 1
		? class == 1
		: !inverted && (subject->n_columns > 2 || verdict->probabilities);
	rc = keep_positive(subject, verdict->class_labels[class], inverted, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < verdict->n_rows; i++) {
		subject->is[i] = (subject->truth[i] == subject->positive) != inverted;
		subject->says[i] = (subject->predicted[i] == subject->positive) != inverted;
		if (verdict->as != EVALUATE_LABEL) // which has no scores
			subject->positive_scores[i] =
				positive_score(subject, subject->scores + i * subject->n_columns);
	}
	verdict_note(verdict, "positive is %s: %s", verdict->positive,
		verdict->n_classes > 2               ? "as said"
			: subject->options->positive ? "as said"
			: subject->options->normal   ? "as said"
			: is_normal(verdict->class_labels[1 - class])
			? "the other class is the normal one (--positive says otherwise)"
			: "the second class (--positive says otherwise)");
	return 0;
}

// One column whose classes the rows alone know: two of them, what is and what is not.
static int two_of_the_rows(struct subject *subject, struct error *err)
{
	const struct dataset *set = &subject->set;
	struct verdict *verdict = subject->verdict;
	const bool anomaly = verdict->as == EVALUATE_ANOMALY;
	char *const *labels = (char *const *)set->class_labels;
	char negative[200];
	uint32_t class;
	bool inverted, number;
	int rc = choose_positive(subject, labels, set->n_classes, &class, &inverted, err);

	if (rc != 0)
		return rc;
	number = !subject->options->positive && !subject->options->normal;
	for (uint32_t c = 0; c < set->n_classes; c++)
		number = number && (strcmp(labels[c], "0") == 0 || strcmp(labels[c], "1") == 0);
	if (number) {
		class = find_label(labels, set->n_classes, "0");
		inverted = true;
	} else if (class == set->n_classes ||
		(!subject->options->positive && !subject->options->normal && !inverted)) {
		return error_set(err, -EINVAL,
			"the model names no classes, and which of the rows' %u labels (%.60s, ...) "
			"its score "
			"stands for is not known: --positive or --normal says it",
			set->n_classes, labels[0]);
	}
	// The label that names the negatives, or that they are not.
	snprintf(negative, sizeof(negative), "%s%.150s", inverted ? "" : "not ",
		class < set->n_classes ? labels[class] : "0");
	rc = add_label(verdict, negative, SIZE_MAX, err);
	if (rc == 0 && inverted && set->n_classes == 2)
		rc = add_label(verdict, labels[1 - class], SIZE_MAX, err);
	else if (rc == 0 && inverted)
		rc = add_label(verdict,
			anomaly          ? "anomaly"
				: number ? "1"
					 : "the others",
			SIZE_MAX, err);
	else if (rc == 0)
		rc = add_label(verdict, labels[class], SIZE_MAX, err);
	subject->positive = 1;
	subject->plain = true;
	if (rc == 0)
		rc = keep_positive(subject, verdict->class_labels[1], false, err);
	subject->truth = calloc(verdict->n_rows, sizeof(int32_t));
	subject->predicted = calloc(verdict->n_rows, sizeof(int32_t));
	if (rc != 0)
		return rc;
	if (!subject->truth || !subject->predicted)
		return subject_no_memory(subject, err);
	decide_by_model(subject);
	for (size_t i = 0; i < verdict->n_rows; i++) {
		subject->is[i] = (subject->of_set[i] == (int32_t) class) != inverted;
		subject->truth[i] = subject->is[i];
		subject->says[i] = subject->predicted[i];
		subject->positive_scores[i] = (double)subject->scores[i];
	}
	verdict_note(verdict, "positive is %s, negative %s", verdict->class_labels[1], negative);
	return 0;
}

// --- All of it -----------------------------------------------------------------------------------

static void say_how(struct subject *subject)
{
	struct verdict *verdict = subject->verdict;
	const char *name = subject->info->output_names[subject->first_column];

	switch (verdict->as) {
	case EVALUATE_CLASSES:
		verdict_note(verdict, "a score for each of %u classes, the largest decides%s",
			verdict->n_classes,
			verdict->probabilities ? "; they are probabilities"
					       : "; they are no probabilities, so there is no "
						 "log loss, Brier score and calibration");
		break;
	case EVALUATE_SCORE:
		verdict_note(verdict, "one score, %s, of %s, from %g on%s", name,
			verdict->class_labels[1], own_threshold(subject),
			verdict->probabilities ? "; it is a probability"
					       : "; it is no probability, so there is no log "
						 "loss, Brier score and calibration");
		break;
	case EVALUATE_ANOMALY:
		verdict_note(verdict, "an anomaly score, %s: an anomaly from 1 on", name);
		break;
	case EVALUATE_LABEL:
		verdict_note(verdict, "the output %s is the number of the class", name);
		break;
	default:
		break; // numbers have no classes
	}
}

// What each row's probabilities lose, and the confidence that calibration looks at.
static int weigh_probabilities(struct subject *subject, struct error *err)
{
	struct verdict *verdict = subject->verdict;
	const size_t n = verdict->n_rows;
	const bool two = verdict->n_classes == 2;

	subject->log_loss = calloc(n, sizeof(double));
	subject->brier = calloc(n, sizeof(double));
	subject->confidence = calloc(n, sizeof(double));
	subject->right = calloc(n, 1);
	if (!subject->log_loss || !subject->brier || !subject->confidence || !subject->right)
		return subject_no_memory(subject, err);
	for (size_t i = 0; i < n; i++) {
		const float *row = subject->scores + i * subject->n_columns;

		subject->log_loss[i] = metrics_log_loss(row, subject->n_columns, subject->truth[i]);
		if (two) {
			const double apart = subject->is[i] - subject->positive_scores[i];

			subject->brier[i] = apart * apart;
			subject->confidence[i] = subject->positive_scores[i];
			subject->right[i] = (uint8_t)subject->is[i];
		} else {
			const uint32_t largest = decision_largest(row, subject->n_columns);

			subject->brier[i] =
				metrics_brier(row, subject->n_columns, subject->truth[i]);
			subject->confidence[i] = (double)row[largest];
			subject->right[i] = subject->truth[i] == (int32_t)largest;
		}
	}
	return 0;
}

int subject_classify(struct subject *subject, struct error *err)
{
	struct verdict *verdict = subject->verdict;
	const bool score = verdict->as == EVALUATE_SCORE || verdict->as == EVALUATE_ANOMALY;
	int rc;

	verdict->probabilities = verdict->as != EVALUATE_ANOMALY && verdict->as != EVALUATE_LABEL &&
		all_probabilities(subject);
	if (score && !subject->info->n_class_labels && !subject->options->classes) {
		rc = two_of_the_rows(subject, err);
	} else {
		rc = verdict->as == EVALUATE_ANOMALY
			? error_set(err, -EINVAL, "an anomaly score has no classes to be named")
			: name_classes(subject, err);
		if (rc == 0)
			rc = map_truth(subject, err);
		if (rc == 0)
			decide_by_model(subject);
		if (rc == 0)
			rc = tell_from_rest(subject, err);
	}
	if (rc != 0)
		return rc;
	if (score) {
		// Of the first of two classes the score is turned round, and so is its threshold.
		const double own = own_threshold(subject);

		verdict->threshold = subject->positive == 1 ? own
			: verdict->probabilities            ? 1 - own
							    : -own;
	}
	say_how(subject);
	return verdict->probabilities ? weigh_probabilities(subject, err) : 0;
}
