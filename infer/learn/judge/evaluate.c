// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/judge/evaluate.h"

#include "base/file.h"
#include "base/trust/sealed.h"
#include "infer/image/format.h"
#include "infer/learn/judge/judge.h"
#include "infer/learn/judge/subject.h"
#include "infer/learn/judge/subject_classes.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POINTS_ACROSS    1000              // of a curve, that a plot tells apart
#define POOLED_MAX       (1u << 24)        // scores of all classes, in one order
#define RANKED_BYTES_MAX ((size_t)2 << 30) // that orders of columns may take
#define BENCH_ROWS       1024

// --- Opening -------------------------------------------------------------------------------------

static int is_image(const char *path, bool *image, struct error *err)
{
	char magic[sizeof(IMAGE_MAGIC)] = "";
	FILE *file = file_open(path, err);

	if (!file)
		return err->code;
	*image = fread(magic, 1, sizeof(magic), file) == sizeof(magic) &&
		(memcmp(magic, IMAGE_MAGIC, sizeof(magic)) == 0 || sealed_is(magic, sizeof(magic)));
	fclose(file);
	return 0;
}

// Opens an image, or what compiling makes of a foreign model.
static int open_model(const char *path, const struct evaluate_options *options,
	struct model **model, struct error *err)
{
	struct model_options how = options->model;
	struct compile_report report = { 0 };
	void *bytes = NULL;
	size_t size = 0;
	bool image = false;
	int rc = is_image(path, &image, err);

	how.no_timing = how.no_timing || options->no_timing;
	if (rc != 0)
		return rc;
	if (image) {
		rc = model_open_file(path, &how, model, err);
	} else {
		rc = model_compile(path, &options->compile, &bytes, &size, &report, err);
		if (rc == 0)
			rc = model_open(bytes, size, &how, model, err);
	}
	if (rc != 0 && !strstr(err->text, path))
		error_prefix(err, "%s", path);
	compile_report_fini(&report);
	free(bytes);
	return rc;
}

// --- Thresholds and curves -----------------------------------------------------------------------

static void add_choice(struct verdict *verdict, const char *why, const struct ranking_point *point)
{
	verdict->choices[verdict->n_choices++] =
		(struct evaluate_choice){ .why = why, .point = *point };
}

// What the decisions are: of a threshold that is in use the point of it.
static struct ranking_point point_in_use(const struct subject *subject)
{
	struct ranking_point point = { .threshold = subject->verdict->threshold };

	for (size_t i = 0; i < subject->verdict->n_rows; i++) {
		const double weight = subject->weights ? subject->weights[i] : 1;

		if (subject->says[i])
			*(subject->is[i] ? &point.hits : &point.false_alarms) += weight;
	}
	return point;
}

static void choose_thresholds(struct subject *subject, const struct ranking_point *points, size_t n)
{
	const struct evaluate_options *options = subject->options;
	struct verdict *verdict = subject->verdict;
	const bool costs = !isnan(options->cost_fp) || !isnan(options->cost_fn);
	const double cost_fp = isnan(options->cost_fp) ? 1 : options->cost_fp;
	const double cost_fn = isnan(options->cost_fn) ? 1 : options->cost_fn;
	const struct ranking_point *cheapest = ranking_cheapest(points, n, cost_fp, cost_fn);
	const struct ranking_point *within =
		ranking_within_fpr(points, n, isnan(options->fpr) ? 0 : options->fpr);
	struct ranking_point used;

	// Of a float that was printed in nine digits the same float is meant, which martletd compares with.
	if (!isnan(options->threshold))
		verdict->threshold =
			subject->plain ? (double)(float)options->threshold : options->threshold;
	else if (!isnan(options->fpr))
		verdict->threshold = within->threshold;
	else if (costs)
		verdict->threshold = cheapest->threshold;
	if (!isnan(options->threshold) || !isnan(options->fpr) || costs)
		subject_decide(subject, verdict->threshold);
	used = point_in_use(subject);
	add_choice(verdict, "in use", &used);
	if (!isnan(options->fpr))
		add_choice(verdict, "as --fpr says", within);
	if (costs)
		add_choice(verdict, "least cost", cheapest);
	add_choice(verdict, "best F1", ranking_best_f1(points, n));
	add_choice(verdict, "FPR 0.01", ranking_within_fpr(points, n, 0.01));
	add_choice(verdict, "FPR 0.001", ranking_within_fpr(points, n, JUDGE_FPR));
}

// Leaves out points that lie near the one before.
static size_t thin(struct ranking_point *points, size_t n)
{
	const double step_hits = points[n - 1].hits / POINTS_ACROSS;
	const double step_alarms = points[n - 1].false_alarms / POINTS_ACROSS;
	size_t kept = 1;

	for (size_t i = 1; i < n; i++)
		if (i + 1 == n || points[i].hits - points[kept - 1].hits >= step_hits ||
			points[i].false_alarms - points[kept - 1].false_alarms >= step_alarms)
			points[kept++] = points[i];
	return kept;
}

static void keep_curve(struct verdict *verdict, struct ranking_point *points, size_t n)
{
	void *fitting;

	verdict->points = points;
	verdict->n_points = thin(points, n);
	fitting = realloc(points, verdict->n_points * sizeof(*points));
	if (fitting)
		verdict->points = fitting;
}

// The curve of all columns against whether the row is of their class.
static int pool_columns(struct subject *subject, struct error *err)
{
	const struct judged *judged = &subject->judged;
	const size_t n = judged->n * judged->n_classes;
	double *scores = calloc(n, sizeof(*scores)), *weights = NULL;
	int32_t *is = calloc(n, sizeof(*is));
	struct ranking ranking = { 0 };
	struct ranking_point *points = NULL;
	size_t n_points = 0;
	int rc = 0;

	if (judged->weights)
		weights = calloc(n, sizeof(*weights));
	if (!scores || !is || (judged->weights && !weights))
		rc = error_set(err, -ENOMEM, "out of memory for %zu scores", n);
	for (size_t i = 0; i < n && rc == 0; i++) {
		const size_t row = i / judged->n_classes;

		scores[i] = (double)judged->columns[i];
		is[i] = judged->truth[row] == (int32_t)(i % judged->n_classes);
		if (weights)
			weights[i] = judged->weights[row];
	}
	if (rc == 0)
		rc = ranking_make(scores, is, 1, n, &ranking, err);
	if (rc == 0)
		rc = ranking_points(&ranking, weights, &points, &n_points, err);
	if (rc == 0)
		keep_curve(subject->verdict, points, n_points);
	ranking_fini(&ranking);
	free(scores);
	free(weights);
	free(is);
	return rc;
}

static int draw_curve(struct subject *subject, struct error *err)
{
	struct judged *judged = &subject->judged;
	struct ranking_point *points;
	size_t n;
	int rc;

	if (!judged->is || subject->verdict->as == EVALUATE_LABEL) {
		if (!judged->columns || judged->n > POOLED_MAX / judged->n_classes)
			return 0;
		return pool_columns(subject, err);
	}
	rc = ranking_points(&judged->ranking, judged->weights, &points, &n, err);
	if (rc != 0)
		return rc;
	subject->verdict->eer_threshold =
		ranking_judge(&judged->ranking, judged->weights, JUDGE_FPR).eer_threshold;
	choose_thresholds(subject, points, n);
	keep_curve(subject->verdict, points, n);
	return 0;
}

// --- The figures ---------------------------------------------------------------------------------

static int make_room(struct subject *subject, struct error *err)
{
	struct verdict *verdict = subject->verdict;
	struct judged *judged = &subject->judged;
	const size_t n = verdict->n_classes;

	if (n == 0)
		return 0;
	verdict->classes = calloc(n, sizeof(*verdict->classes));
	if (judged->columns) {
		verdict->class_roc_auc = calloc(n, sizeof(double));
		verdict->class_pr_auc = calloc(n, sizeof(double));
	}
	if (n <= EVALUATE_CONFUSION_MAX)
		verdict->confusion = calloc(n * n, sizeof(double));
	judged->classes = verdict->classes;
	judged->class_roc_auc = verdict->class_roc_auc;
	judged->class_pr_auc = verdict->class_pr_auc;
	if (!judged->classes || (n <= EVALUATE_CONFUSION_MAX && !verdict->confusion) ||
		(judged->columns && (!judged->class_roc_auc || !judged->class_pr_auc)))
		return error_set(err, -ENOMEM, "out of memory for %zu classes", n);
	if (judged->columns &&
		n * judged->n * (sizeof(double) + sizeof(uint32_t)) <= RANKED_BYTES_MAX)
		return judge_rank_columns(judged, err);
	return 0;
}

static int sample(struct subject *subject, const struct learn_watch *watch, struct error *err)
{
	const struct evaluate_options *options = subject->options;
	struct verdict *verdict = subject->verdict;
	int rc = 0;

	for (int f = 0; f < FIGURES; f++)
		verdict->low[f] = verdict->high[f] = NAN;
	if (options->n_samples == 0)
		return 0;
	verdict->samples = calloc(options->n_samples, FIGURES * sizeof(double));
	if (!verdict->samples)
		return error_set(err, -ENOMEM, "out of memory for %u samples", options->n_samples);
	rc = judge_bootstrap(
		&subject->judged, options->n_samples, options->seed, watch, verdict->samples, err);
	for (int f = 0; f < FIGURES && rc == 0; f++)
		rc = judge_interval(verdict->samples + f, NULL, options->n_samples, FIGURES,
			options->confidence, &verdict->low[f], &verdict->high[f], err);
	return rc;
}

// Of the labels of the rows, where they are more than two, how many were decided to be positive.
static int find_groups(struct subject *subject, struct error *err)
{
	const struct dataset *set = &subject->set;
	struct verdict *verdict = subject->verdict;

	if (!subject->is || set->n_classes <= 2)
		return 0;
	verdict->groups = calloc(set->n_classes, sizeof(*verdict->groups));
	for (uint32_t c = 0; verdict->groups && c < set->n_classes; c++) {
		verdict->groups[c].label = strdup(set->class_labels[c]);
		if (!verdict->groups[c].label)
			return error_set(err, -ENOMEM, "out of memory for the classes' names");
		verdict->n_groups++;
	}
	if (!verdict->groups)
		return error_set(err, -ENOMEM, "out of memory for %u labels", set->n_classes);
	for (size_t i = 0; i < verdict->n_rows; i++) {
		struct evaluate_group *group = &verdict->groups[subject->of_set[i]];
		const double weight = subject->weights ? subject->weights[i] : 1;

		group->weight += weight;
		group->found += subject->says[i] ? weight : 0;
	}
	return 0;
}

static int keep_pairs(struct subject *subject, struct error *err)
{
	struct verdict *verdict = subject->verdict;
	const size_t every = (verdict->n_rows + EVALUATE_PAIRS_MAX - 1) / EVALUATE_PAIRS_MAX;

	verdict->pairs = calloc(EVALUATE_PAIRS_MAX, sizeof(*verdict->pairs));
	if (!verdict->pairs)
		return error_set(err, -ENOMEM, "out of memory for the plot's points");
	for (size_t i = 0; i < verdict->n_rows; i += every)
		verdict->pairs[verdict->n_pairs++] =
			(struct evaluate_pair){ .truth = subject->numbers[i],
				.foreseen = subject->scores[i] };
	return 0;
}

// What was asked of one class against the rest must not be passed over where there is none.
static int check_asked(const struct subject *subject, struct error *err)
{
	const struct evaluate_options *o = subject->options;
	const bool threshold =
		!isnan(o->threshold) || !isnan(o->fpr) || !isnan(o->cost_fp) || !isnan(o->cost_fn);

	if (subject->verdict->as == EVALUATE_NUMBER && (o->positive || o->normal || o->classes))
		return error_set(err, -EINVAL,
			"the output is judged as a number, which has no classes; --as says "
			"otherwise");
	if (threshold && !subject->is)
		return error_set(err, -EINVAL,
			"a threshold tells one class from the rest: --positive or --normal says "
			"which");
	if (threshold && subject->verdict->as == EVALUATE_LABEL)
		return error_set(
			err, -EINVAL, "the output is a class's number: it has no threshold");
	return 0;
}

// What the figures are made of.
static int prepare(struct subject *subject, struct error *err)
{
	const struct verdict *verdict = subject->verdict;
	struct judged *judged = &subject->judged;
	const bool number = verdict->as == EVALUATE_NUMBER;
	int rc = number ? 0 : subject_classify(subject, err);

	*judged = (struct judged){ .n = verdict->n_rows,
		.weights = subject->weights,
		.numbers = subject->numbers,
		.foreseen = subject->scores,
		.n_classes = verdict->n_classes,
		.truth = subject->truth,
		.predicted = subject->predicted,
		.is = subject->is,
		.says = subject->says,
		.log_loss = subject->log_loss,
		.brier = subject->brier,
		.confidence = subject->confidence,
		.right = subject->right };
	if (rc == 0 && verdict->as == EVALUATE_CLASSES && verdict->n_classes > 2)
		judged->columns = subject->scores;
	if (rc == 0)
		rc = check_asked(subject, err);
	if (rc == 0 && subject->is && verdict->as != EVALUATE_LABEL)
		rc = ranking_make(
			subject->positive_scores, subject->is, 1, judged->n, &judged->ranking, err);
	return rc;
}

static int judge(struct subject *subject, const struct learn_watch *watch, struct error *err)
{
	struct verdict *verdict = subject->verdict;
	struct judged *judged = &subject->judged;
	int rc = make_room(subject, err);

	if (rc == 0)
		rc = draw_curve(subject, err);
	if (rc == 0)
		rc = sample(subject, watch, err);
	// The last, so that what it leaves beside the figures is of all rows.
	if (rc == 0)
		rc = judge_figures(judged, judged->weights, verdict->figures, err);
	if (rc == 0)
		rc = find_groups(subject, err);
	if (rc == 0 && judged->numbers)
		rc = keep_pairs(subject, err);
	if (rc != 0)
		return rc;
	if (verdict->confusion)
		metrics_confuse(judged->truth, judged->predicted, judged->weights, judged->n,
			verdict->confusion, judged->n_classes);
	memcpy(verdict->bins_10, judged->bins[0], sizeof(verdict->bins_10));
	memcpy(verdict->bins_15, judged->bins[1], sizeof(verdict->bins_15));
	return 0;
}

// Times rows of the set, repeated where they are few.
static int time_rows(struct subject *subject, struct error *err)
{
	const struct dataset *set = &subject->set;
	const size_t bytes = set->n_features * sizeof(float);
	float *rows = malloc(BENCH_ROWS * bytes + 1);
	int rc;

	if (!rows)
		return error_set(err, -ENOMEM, "out of memory for %d rows", BENCH_ROWS);
	for (size_t i = 0; i < BENCH_ROWS; i++)
		memcpy(rows + i * set->n_features, set->values + i % set->n_rows * set->n_features,
			bytes);
	rc = model_bench(subject->model, rows, BENCH_ROWS, subject->verdict->bench, err);
	free(rows);
	return rc;
}

int model_evaluate(const char *path, const struct evaluate_options *options,
	const struct learn_watch *watch, struct verdict *verdict, struct error *err)
{
	struct subject subject = { .options = options, .verdict = verdict, .watch = watch };
	struct model *model = NULL;
	int rc;

	*verdict = (struct verdict){ .path = path };
	rc = open_model(path, options, &model, err);
	if (rc != 0)
		return rc;
	subject.model = model;
	subject.info = model_info(model);
	verdict->image_bytes = subject.info->image_bytes;
	verdict->weights_bytes = subject.info->weights_bytes;
	verdict->model = strdup(subject.info->name);
	if (!verdict->model)
		rc = error_set(err, -ENOMEM, "out of memory for the model's name");
	if (rc == 0)
		rc = subject_read(&subject, err);
	if (rc == 0)
		rc = prepare(&subject, err);
	if (rc == 0)
		rc = judge(&subject, watch, err);
	if (rc == 0 && !options->no_timing)
		rc = time_rows(&subject, err);
	subject_fini(&subject);
	model_close(model);
	if (rc != 0)
		verdict_fini(verdict);
	return rc;
}
