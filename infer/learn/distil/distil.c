// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/distil/distil.h"

#include "base/decision.h"
#include "base/floats.h"
#include "base/random.h"
#include "infer/compile/compile.h"
#include "infer/graph/arena.h"
#include "infer/graph/lineage.h"
#include "infer/image/image.h"
#include "infer/learn/data/fill.h"
#include "infer/learn/describe.h"
#include "infer/learn/distil/distil_compare.h"
#include "infer/learn/distil/student_dense.h"
#include "infer/learn/distil/student_trees.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_MAX     ((size_t)1 << 28) // floats of the rows that teach
#define SCORED_AT_ONCE ((size_t)64 * MODEL_BATCH_MAX)
#define JUDGED_SHARE   10   // one of so many real rows judges the rounds
#define SUM_OFF        1e-3 // by which probabilities may miss 1
#define HEAVY          50   // the largest value is so many medians: its logarithm is learnt

// --- Rows -----------------------------------------------------------------------------------------

static int distil_read(struct distilling *d, const char *path, const struct dataset_options *given)
{
	const struct model_info *info = d->teacher.info;
	struct dataset_options options = *given;
	int rc;

	options.model = info;
	options.target = info->n_class_labels >= 2 ? DATASET_CLASSES : DATASET_NONE;
	options.allow_unlabelled = true;
	options.keep_missing = true;
	rc = dataset_read(path, &options, &d->set, d->err);
	if (rc == 0 && d->teacher.fill)
		rc = fill_rows(&d->set, d->teacher.fill, NULL, d->err);
	if (rc == 0)
		rc = dataset_split(
			&d->set, d->options->held, d->options->seed, &d->taught, &d->held, d->err);
	for (uint32_t i = 0; i < d->set.n_notes; i++)
		report_add(d->report, "%s", d->set.notes[i]);
	return rc;
}

// The rows that teach in an order of the seed's, and no more than wanted.
static void distil_shuffle(struct distilling *d)
{
	uint32_t *index = d->taught.index;
	size_t most;

	for (size_t i = d->taught.n; i > 1; i--) {
		const size_t other = (size_t)(((random_next(&d->state) >> 32) * i) >> 32);
		const uint32_t row = index[i - 1];

		index[i - 1] = index[other];
		index[other] = row;
	}
	// Drawn rows, too, are kept.
	most = (size_t)((double)VALUES_MAX / d->set.n_features *
		(d->teacher.trees > 0 ? 1 - d->options->drawn : 1));
	if (most > d->options->rows_max)
		most = d->options->rows_max;
	if (d->taught.n > most && most > 0) {
		report_add(
			d->report, "%zu of %zu rows teach, drawn by the seed", most, d->taught.n);
		d->taught.n = most;
	}
}

static int distil_room(struct distilling *d)
{
	const struct lesson *l = &d->lesson;
	const double share = d->teacher.trees > 0 ? d->options->drawn : 0;
	const size_t n = d->taught.n + (size_t)((double)d->taught.n * share / (1 - share)) + 1;

	d->x = malloc(n * l->n_features * sizeof(float));
	d->scores = malloc(n * l->n_outputs * sizeof(float));
	d->weights = malloc(n * sizeof(float));
	d->classes = malloc(n * sizeof(int32_t));
	d->shift = calloc(l->n_outputs, sizeof(float));
	d->scale = calloc(l->n_outputs, sizeof(float));
	if (!d->x || !d->scores || !d->weights || !d->classes || !d->shift || !d->scale)
		return error_set(d->err, -ENOMEM,
			"out of memory for %zu rows of %u features to teach by", n, l->n_features);
	return 0;
}

// The teacher's scores of the `n` rows from place `from` on, which may take long. -ECANCELED.
static int distil_score(struct distilling *d, size_t from, size_t n)
{
	const struct lesson *l = &d->lesson;
	struct learn_progress progress = {
		.stage = "rows scored by the teacher", .total = n, .loss = NAN, .score = NAN
	};

	while (progress.done < n) {
		const size_t at = from + progress.done, left = n - progress.done;
		const size_t chunk = left < SCORED_AT_ONCE ? left : SCORED_AT_ONCE;

		teacher_score(&d->teacher, d->x + at * l->n_features, chunk,
			d->scores + at * l->n_outputs);
		progress.done += chunk;
		if (d->watch && d->watch->step && !d->watch->step(d->watch->context, &progress))
			return error_set(
				d->err, -ECANCELED, "interrupted while the teacher scores");
	}
	return 0;
}

// Scores the `n` rows from place `from` on, and closes the gaps of those that the teacher has no finite score of, or
// that the student cannot learn. *left: how many are left. -ECANCELED.
static int distil_settle(struct distilling *d, size_t from, size_t n, size_t *left)
{
	struct lesson *l = &d->lesson;
	const size_t width = l->n_features, outputs = l->n_outputs;
	size_t to = from;
	int rc = distil_score(d, from, n);

	if (rc != 0)
		return rc;
	for (size_t at = from; at < from + n; at++) {
		const bool missing = floats_missing(d->x + at * width, width);

		if (!floats_finite(d->scores + at * outputs, outputs) ||
			(missing && d->options->student == DISTIL_DENSE))
			continue;
		l->missing = l->missing || missing;
		memmove(d->x + to * width, d->x + at * width, width * sizeof(float));
		memmove(d->scores + to * outputs, d->scores + at * outputs,
			outputs * sizeof(float));
		d->classes[to] = d->classes[at];
		d->weights[to++] = d->weights[at];
	}
	*left = to - from;
	return 0;
}

// Real rows, the shuffled ones from place `at` on, until `end`, to place `to` on: how many were taken.
static int distil_gather(struct distilling *d, size_t at, size_t end, size_t to, size_t *taken)
{
	const size_t width = d->lesson.n_features, n = end - at;
	int rc;

	for (size_t i = 0; i < n; i++) {
		const uint32_t row = d->taught.index[at + i];

		memcpy(d->x + (to + i) * width, d->set.values + row * width, width * sizeof(float));
		d->classes[to + i] = d->set.target == DATASET_CLASSES ? d->set.classes[row] : -1;
		d->weights[to + i] = d->set.weights ? d->set.weights[row] : 1;
	}
	rc = distil_settle(d, to, n, taken);
	if (rc == 0)
		d->result->n_left_out += n - *taken;
	return rc;
}

// As many rows again as the share of drawn ones wants, near the `n` real ones that are there.
static int distil_draw(struct distilling *d, size_t n)
{
	struct lesson *l = &d->lesson;
	const double share = d->teacher.trees > 0 ? d->options->drawn : 0;
	const size_t wanted = (size_t)((double)n * share / (1 - share));
	int rc;

	for (size_t i = 0; i < wanted; i++) {
		teacher_draw(&d->teacher, d->x + i % n * l->n_features, &d->state,
			d->x + (n + i) * l->n_features);
		d->classes[n + i] = -1;
		d->weights[n + i] = d->weights[i % n];
	}
	rc = distil_settle(d, n, wanted, &d->result->n_drawn);
	if (rc == 0)
		l->n += d->result->n_drawn;
	return rc;
}

static int distil_fill(struct distilling *d)
{
	struct lesson *l = &d->lesson;
	size_t judged;
	int rc;

	l->n_features = d->set.n_features;
	l->n_outputs = d->teacher.info->n_outputs;
	l->options = d->options;
	l->watch = d->watch;
	l->report = d->report;
	distil_shuffle(d);
	if (distil_room(d) != 0)
		return d->err->code;
	judged = d->taught.n / JUDGED_SHARE;
	rc = distil_gather(d, 0, d->taught.n - judged, 0, &l->n);
	if (rc != 0)
		return rc;
	if (l->n == 0)
		return error_set(d->err, -EINVAL,
			"%s: no row is left to teach by: the teacher's scores are not finite%s",
			d->set.path,
			d->options->student == DISTIL_DENSE ? ", or all rows have missing values, "
							      "which only a student of trees "
							      "takes (--student trees)"
							    : "");
	d->result->n_taught = l->n;
	rc = distil_draw(d, l->n);
	if (rc == 0)
		rc = distil_gather(d, d->taught.n - judged, d->taught.n, l->n, &l->n_judged);
	l->x = d->x;
	l->scores = d->scores;
	l->classes = d->classes;
	l->weights = d->set.weights ? d->weights : NULL;
	l->shift = d->shift;
	l->scale = d->scale;
	return rc;
}

// --- What the scores are ----------------------------------------------------------------------------

static bool are_probabilities(const float *scores, uint32_t n)
{
	double sum = 0;

	for (uint32_t o = 0; o < n; o++) {
		// The teacher wrote all of them: NOLINTNEXTLINE(clang-analyzer-core.*)
		if (scores[o] < 0 || scores[o] > 1)
			return false;
		sum += (double)scores[o];
	}
	return n == 1 || fabs(sum - 1) <= SUM_OFF;
}

// Scores of classes that are no probabilities are taken for logits.
static void distil_softmax(float *scores, uint32_t n)
{
	double most = (double)scores[decision_largest(scores, n)], sum = 0;

	for (uint32_t o = 0; o < n; o++)
		sum += exp((double)scores[o] - most);
	for (uint32_t o = 0; o < n; o++)
		scores[o] = (float)(exp((double)scores[o] - most) / sum);
}

static int compare_floats(const void *a, const void *b)
{
	const float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

// Are all values above 0, and the largest far above the median?
static int distil_is_heavy(struct distilling *d, size_t n, bool *heavy)
{
	float *sorted = malloc(n * sizeof(*sorted));

	if (!sorted)
		return error_set(d->err, -ENOMEM, "out of memory for %zu scores", n);
	memcpy(sorted, d->scores, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_floats);
	*heavy = sorted[0] > 0 && sorted[n - 1] > HEAVY * sorted[n / 2];
	free(sorted);
	return 0;
}

// Mean 0 and deviation 1 of each output, by the rows that teach.
static int distil_standardise(struct distilling *d, size_t n)
{
	struct lesson *l = &d->lesson;
	const uint32_t outputs = l->n_outputs;
	bool heavy = false;

	if (distil_is_heavy(d, n * outputs, &heavy) != 0)
		return d->err->code;
	l->logarithm = heavy;
	for (size_t i = 0; heavy && i < n * outputs; i++)
		d->scores[i] = logf(d->scores[i]);
	for (uint32_t o = 0; o < outputs; o++) {
		double sum = 0, squares = 0;

		for (size_t r = 0; r < n; r++)
			sum += (double)d->scores[r * outputs + o];
		for (size_t r = 0; r < n; r++)
			squares += pow((double)d->scores[r * outputs + o] - sum / (double)n, 2);
		d->shift[o] = (float)(sum / (double)n);
		d->scale[o] = squares > 0 ? (float)sqrt(squares / (double)n) : 1;
		for (size_t r = 0; r < n; r++)
			d->scores[r * outputs + o] =
				(d->scores[r * outputs + o] - d->shift[o]) / d->scale[o];
	}
	return 0;
}

static int distil_tell_kind(struct distilling *d)
{
	struct lesson *l = &d->lesson;
	const size_t n = l->n + l->n_judged;
	const bool labelled = d->teacher.info->n_class_labels == l->n_outputs && l->n_outputs >= 2;
	bool probabilities = true;

	for (size_t r = 0; r < n && probabilities; r++)
		probabilities = are_probabilities(d->scores + r * l->n_outputs, l->n_outputs);
	l->kind = probabilities && l->n_outputs == 1 ? LESSON_PROBABILITY
		: probabilities || labelled          ? LESSON_CLASSES
						     : LESSON_VALUES;
	if (l->kind == LESSON_VALUES)
		return distil_standardise(d, n);
	if (probabilities)
		return 0;
	for (size_t r = 0; r < n; r++)
		distil_softmax(d->scores + r * l->n_outputs, l->n_outputs);
	report_add(d->report,
		"the teacher's scores are no probabilities: the student has their softmax, which "
		"decides the same");
	return 0;
}

// --- The student ------------------------------------------------------------------------------------

static int distil_finish(
	struct distilling *d, struct graph *graph, void **image, size_t *image_size)
{
	const struct compile_rows rows = { .values = d->x, .n_rows = d->result->n_taught };
	const struct compile_options options = { 0 };
	int rc = describe_like(graph, d->teacher.info, d->err);

	// It has learnt from filled rows, and is asked about others.
	if (rc == 0 && d->teacher.fill)
		rc = fill_graph(graph, d->teacher.fill, d->err);

	graph->name = arena_strdup(graph->arena, d->options->name ? d->options->name : "student");
	graph->source_kind = "martlet";
	memcpy(graph->source_sha256, d->teacher.info->source_sha256, sizeof(graph->source_sha256));
	if (rc == 0 && !graph->name)
		rc = error_set(d->err, -ENOMEM, "out of memory");
	if (rc != 0) {
		graph_destroy(graph);
		return rc;
	}
	return compile_graph(graph, &rows, &options, image, image_size, d->report, d->err);
}

// What was asked for is refused where this teacher, or these rows, make no use of it: first what reading tells.
static int distil_check_use(struct distilling *d)
{
	const struct dataset *set = &d->set;
	char why[200];
	int rc = 0;

	if (d->teacher.trees == 0)
		rc = learn_lacks(d->watch, "a teacher that is trees",
			"this one has none that ask for features as the rows have them", d->err);
	if (rc == 0 && d->teacher.info->n_outputs != 1) {
		snprintf(why, sizeof(why), "this one has %u", d->teacher.info->n_outputs);
		rc = learn_lacks(d->watch, "a teacher of one score", why, d->err);
	}
	if (rc == 0 && set->target != DATASET_CLASSES)
		rc = learn_lacks(d->watch, "labels",
			d->teacher.info->n_class_labels < 2
				? "the teacher names no classes that rows could be labelled with"
				: "the rows bear none",
			d->err);
	else if (rc == 0 && set->n_unlabelled == set->n_rows)
		rc = learn_lacks(d->watch, "labels", "the rows bear none", d->err);
	return rc;
}

// Then what the teacher's scores tell.
static int distil_check_kind(struct distilling *d)
{
	int rc = 0;

	if (d->lesson.kind == LESSON_VALUES)
		rc = learn_lacks(d->watch, "a teacher of classes",
			"this one's scores are numbers, which are not softened", d->err);
	if (rc == 0 && !distil_compares_numbers(d))
		rc = learn_lacks(d->watch, "a teacher of numbers",
			"this one's scores decide, and are compared by that", d->err);
	return rc;
}

static int distil_teach(struct distilling *d, void **image, size_t *size)
{
	lesson_student *student =
		d->options->student == DISTIL_DENSE ? student_dense : student_trees;
	struct graph *graph;
	int rc = distil_fill(d);

	if (rc == 0)
		rc = distil_tell_kind(d);
	if (rc == 0)
		rc = distil_check_kind(d);
	if (rc == 0)
		rc = student(&d->lesson, &graph, d->err);
	return rc != 0 ? rc : distil_finish(d, graph, image, size);
}

// --- How it was made ----------------------------------------------------------------------------------

static int distil_sign_graph(struct distilling *d, struct graph *graph)
{
	const struct distil_options *o = d->options;
	const struct distil_result *r = d->result;
	const bool dense = o->student == DISTIL_DENSE;
	char options[240], figures[200], widths[100] = "";
	const struct lineage_step step = {
		.step = "distil",
		.from = d->path,
		.from_sha256 = d->teacher.sha256,
		.options = options,
		.rows = d->set.path,
		.n_rows = d->set.n_rows,
		.rows_sha256 = d->set.sha256,
		.figures = figures,
	};

	for (uint32_t i = 0, used = 0; i < o->n_layers && used < sizeof(widths) - 8; i++)
		used += (uint32_t)snprintf(widths + used, sizeof(widths) - used, "%s%" PRIu32,
			i ? "," : "", o->layers[i]);
	if (dense)
		snprintf(options, sizeof(options),
			"--student dense --layers %s --epochs %" PRIu32
			" --temperature %g --alpha %g --drawn %g --held %g --seed %" PRIu64,
			widths, o->epochs, o->temperature, o->alpha, o->drawn, o->held, o->seed);
	else
		snprintf(options, sizeof(options),
			"--student trees --rounds %" PRIu32 " --depth %" PRIu32
			" --temperature %g --alpha %g --drawn %g --held %g --seed %" PRIu64,
			o->rounds, o->depth, o->temperature, o->alpha, o->drawn, o->held, o->seed);
	snprintf(figures, sizeof(figures), "agrees with it on %.2f %% of %zu rows held back",
		100 * r->agreement, r->n_held);
	return lineage_add(graph, &step, d->err);
}

// The lines of the teacher go before the student's own. What these say is known only when the image is there, which
// is written anew with them.
static int distil_sign(struct distilling *d, void **image, size_t *size)
{
	const struct model_info *teacher = d->teacher.info;
	struct graph *graph;
	void *signed_one = NULL;
	int rc = image_open(*image, *size, &graph, d->err);

	if (rc != 0)
		return rc;
	graph->lineage = (const char **)(uintptr_t)teacher->lineage;
	graph->n_lineage = teacher->n_lineage;
	rc = distil_sign_graph(d, graph);
	if (rc == 0)
		rc = image_write(graph, &signed_one, size, d->err);
	graph_destroy(graph);
	if (rc != 0)
		return rc;
	free(*image);
	*image = signed_one;
	d->result->student.image_bytes = *size;
	return 0;
}

// --- All of it --------------------------------------------------------------------------------------

static int distil_check(const struct distil_options *o, struct error *err)
{
	if (!(o->temperature > 0) || !(o->alpha >= 0 && o->alpha <= 1) ||
		!(o->drawn >= 0 && o->drawn < 1) || !(o->held > 0 && o->held < 1) ||
		o->rows_max == 0)
		return error_set(err, -EINVAL,
			"temperature should be above 0, alpha 0 to 1, the share of drawn rows 0 to "
			"below 1, that of rows held back between 0 and 1");
	return 0;
}

int model_distil(const char *teacher, const char *rows, const struct dataset_options *read,
	const struct distil_options *options, const struct learn_watch *watch, void **image,
	size_t *size, struct distil_result *result, struct compile_report *report,
	struct error *err)
{
	struct distil_result unread = { 0 };
	struct distilling d = { .path = teacher,
		.options = options,
		.watch = watch,
		.report = report,
		.result = result ? result : &unread,
		.err = err,
		.state = options->seed * 2 + 0x9e3779b97f4a7c15u };
	int rc = distil_check(options, err);

	*image = NULL;
	*size = 0;
	*d.result = (struct distil_result){ .teacher.f1 = NAN,
		.teacher.accuracy = NAN,
		.student.f1 = NAN,
		.student.accuracy = NAN };
	if (rc == 0)
		rc = teacher_open(teacher, NULL, &d.teacher, err);
	if (rc == 0)
		rc = distil_read(&d, rows, read);
	if (rc == 0)
		rc = distil_check_use(&d);
	if (rc == 0)
		rc = distil_teach(&d, image, size);
	if (rc == 0)
		rc = distil_compare(&d, *image, *size);
	if (rc == 0)
		rc = distil_sign(&d, image, size);
	if (rc != 0) {
		free(*image);
		*image = NULL;
	}
	free(d.x);
	free(d.scores);
	free(d.weights);
	free(d.classes);
	free(d.shift);
	free(d.scale);
	dataset_part_fini(&d.taught);
	dataset_part_fini(&d.held);
	dataset_fini(&d.set);
	teacher_close(&d.teacher);
	return rc;
}
