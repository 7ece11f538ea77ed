// SPDX-License-Identifier: BSD-3-Clause
// A student of boosted trees, which XGBoost's library grows by the derivatives of the distillation's loss.
#include "infer/learn/distil/student_trees.h"

#include "infer/import/build.h"
#include "infer/learn/train/boosted.h"
#include "infer/learn/train/booster.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define SECOND_LEAST  1e-6 // of a second derivative
#define LEARNING_RATE 0.5
#define CHILD_WEIGHT  0.1

struct tree_student {
	const struct lesson *lesson;
	struct booster *booster;
	uint32_t groups;       // margins of a row; 1 of two classes
	float *targets;        // [n + n_judged][1, or groups of values], for the library
	float *soft;           // [n][groups] the teacher's probabilities, softened
	float *first, *second; // [n][groups]
};

static void tree_student_fini(struct tree_student *s)
{
	booster_destroy(s->booster);
	free(s->targets);
	free(s->soft);
	free(s->first);
	free(s->second);
}

// The teacher's probability of group g: of two classes that of the second.
static float tree_student_p(const struct tree_student *s, size_t row, uint32_t group)
{
	const struct lesson *l = s->lesson;

	return l->scores[row * l->n_outputs + (s->groups == 1 ? l->n_outputs - 1 : group)];
}

static void tree_student_soften(struct tree_student *s)
{
	const struct lesson *l = s->lesson;
	float soft[MODEL_OUTPUTS_MAX];

	for (size_t r = 0; r < l->n; r++) {
		lesson_soften(l, l->scores + r * l->n_outputs, l->options->temperature, soft);
		for (uint32_t g = 0; g < s->groups; g++)
			s->soft[r * s->groups + g] = soft[s->groups == 1 ? l->n_outputs - 1 : g];
	}
}

static float tree_student_target(const struct tree_student *s, size_t row)
{
	uint32_t most = 0;

	if (s->groups == 1)
		return tree_student_p(s, row, 0);
	for (uint32_t g = 1; g < s->groups; g++)
		most = tree_student_p(s, row, g) > tree_student_p(s, row, most) ? g : most;
	return (float)most;
}

// --- The loss ---------------------------------------------------------------------------------------

// p = softmax(z / t), or of one margin the sigmoid.
static void tree_student_predict(const struct tree_student *s, const float *z, double t, double *p)
{
	double most = (double)z[0], sum = 0;

	if (s->groups == 1) {
		p[0] = 1 / (1 + exp(-(double)z[0] / t));
		return;
	}
	for (uint32_t g = 1; g < s->groups; g++)
		most = fmax(most, (double)z[g]);
	for (uint32_t g = 0; g < s->groups; g++) {
		p[g] = exp(((double)z[g] - most) / t);
		sum += p[g];
	}
	for (uint32_t g = 0; g < s->groups; g++)
		p[g] /= sum;
}

// Derivatives by each margin of share * t^2 * cross entropy of `aim` and softmax(z / t), added.
static void tree_student_slope(const struct tree_student *s, const float *z, const float *aim,
	double t, double share, double *p, float *first, float *second)
{
	// XGBoost's own softmax takes twice the diagonal of the second derivatives, which bounds all of them.
	const double twice = s->groups == 1 ? 1 : 2;

	tree_student_predict(s, z, t, p);
	for (uint32_t g = 0; g < s->groups; g++) {
		first[g] += (float)(share * t * (p[g] - (double)aim[g]));
		second[g] += (float)(share * fmax(twice * p[g] * (1 - p[g]), SECOND_LEAST));
	}
}

static void tree_student_row(
	const struct tree_student *s, size_t row, const float *z, double *p, float *hard)
{
	const struct lesson *l = s->lesson;
	const size_t at = row * s->groups;
	const int32_t class = l->classes[row];
	const double alpha = class >= 0 ? l->options->alpha : 0;
	const float weight = l->weights ? l->weights[row] : 1;

	for (uint32_t g = 0; g < s->groups; g++) {
		s->first[at + g] = s->second[at + g] = 0;
		hard[g] = class == (int32_t)(s->groups == 1 ? 1 : g) ? 1 : 0;
	}
	if (alpha > 0)
		tree_student_slope(s, z, hard, 1, alpha, p, s->first + at, s->second + at);
	if (alpha < 1)
		tree_student_slope(s, z, s->soft + at, l->options->temperature, 1 - alpha, p,
			s->first + at, s->second + at);
	for (uint32_t g = 0; g < s->groups; g++) {
		s->first[at + g] *= weight;
		s->second[at + g] *= weight;
	}
}

// Cross entropy of the teacher's probabilities and the student's, the mean over rows from `from`.
static double tree_student_loss(
	const struct tree_student *s, const float *margins, size_t from, size_t n)
{
	double p[MODEL_OUTPUTS_MAX], sum = 0;

	for (size_t r = 0; r < n; r++) {
		tree_student_predict(s, margins + r * s->groups, 1, p);
		for (uint32_t g = 0; g < s->groups; g++) {
			const double aim = (double)tree_student_p(s, from + r, g);

			sum -= aim * log(fmax(p[g], 1e-12));
			if (s->groups == 1)
				sum -= (1 - aim) * log(fmax(1 - p[g], 1e-12));
		}
	}
	return n > 0 ? sum / (double)n : NAN;
}

// --- Growing --------------------------------------------------------------------------------------

static int tree_student_create(struct tree_student *s, struct error *err)
{
	const struct lesson *l = s->lesson;
	const struct distil_options *o = l->options;
	const bool values = l->kind == LESSON_VALUES;
	const struct booster_options options = {
		.objective = values     ? "reg:squarederror"
			: s->groups > 1 ? "multi:softprob"
					: "binary:logistic",
		.n_classes = !values && s->groups > 1 ? s->groups : 0,
		.depth = o->depth,
		.learning_rate = o->learning_rate > 0 ? o->learning_rate : LEARNING_RATE,
		.subsample = 1,
		.colsample = 1,
		.lambda = 1,
		.min_child_weight = CHILD_WEIGHT,
		.base_score = values ? 0 : 0.5,
		.seed = o->seed,
		.threads = o->threads,
	};
	struct booster_rows rows[2] = { 0 };

	for (int i = 0; i < 2; i++) {
		const size_t from = i == 0 ? 0 : l->n;

		rows[i] = (struct booster_rows){ .values = l->x + from * l->n_features,
			.n = i == 0 ? l->n : l->n_judged,
			.n_features = l->n_features,
			.targets = values ? l->scores + from * l->n_outputs : s->targets + from,
			.n_targets = values ? l->n_outputs : 1,
			.weights = l->weights && values ? l->weights + from : NULL };
	}
	return booster_create(&options, &rows[0], &rows[1], &s->booster, err);
}

static int tree_student_init(struct tree_student *s, const struct lesson *l, struct error *err)
{
	const bool one = l->kind == LESSON_CLASSES && l->n_outputs == 2;
	size_t n;

	*s = (struct tree_student){ .lesson = l, .groups = one ? 1 : l->n_outputs };
	n = l->n * s->groups;
	s->targets = malloc((l->n + l->n_judged) * sizeof(float));
	s->soft = malloc(n * sizeof(float));
	s->first = malloc(n * sizeof(float));
	s->second = malloc(n * sizeof(float));
	if (!s->targets || !s->soft || !s->first || !s->second)
		return error_set(err, -ENOMEM, "out of memory for %zu rows to teach by", l->n);
	if (l->kind == LESSON_VALUES)
		return tree_student_create(s, err);
	for (size_t r = 0; r < l->n + l->n_judged; r++)
		s->targets[r] = tree_student_target(s, r);
	tree_student_soften(s);
	return tree_student_create(s, err);
}

static int tree_student_grow(
	struct tree_student *s, struct learn_progress *progress, struct error *err)
{
	const struct lesson *l = s->lesson;
	double p[MODEL_OUTPUTS_MAX];
	float hard[MODEL_OUTPUTS_MAX];
	const float *margins;
	size_t n;
	int rc;

	if (l->kind == LESSON_VALUES) {
		rc = booster_grow(s->booster, err);
		return rc != 0 ? rc
			       : booster_loss(s->booster, &progress->loss, &progress->score, err);
	}
	rc = booster_margins(s->booster, false, &margins, &n, err);
	if (rc != 0)
		return rc;
	progress->loss = tree_student_loss(s, margins, 0, l->n);
	for (size_t r = 0; r < l->n; r++)
		tree_student_row(s, r, margins + r * s->groups, p, hard);
	rc = booster_grow_by(s->booster, s->first, s->second, l->n * s->groups, err);
	if (rc != 0 || l->n_judged == 0)
		return rc;
	rc = booster_margins(s->booster, true, &margins, &n, err);
	if (rc == 0)
		progress->score = tree_student_loss(s, margins, l->n, l->n_judged);
	return rc;
}

static int tree_student_rounds(struct tree_student *s, struct error *err)
{
	const struct lesson *l = s->lesson;
	struct learn_progress progress = { .stage = "round",
		.total = l->options->rounds,
		.score = NAN,
		.score_name = l->kind == LESSON_VALUES ? "RMSE" : "loss" };

	while (progress.done < progress.total) {
		const int rc = tree_student_grow(s, &progress, err);

		if (rc != 0)
			return rc;
		progress.done++;
		if (l->watch && l->watch->step && !l->watch->step(l->watch->context, &progress))
			return error_set(err, -ECANCELED,
				"interrupted after %" PRIu64 " rounds of the student",
				progress.done);
	}
	return 0;
}

static int tree_student_finish(struct tree_student *s, struct graph **graph, struct error *err)
{
	const struct lesson *l = s->lesson;
	int rc = booster_graph(s->booster, 0, graph, l->report, err);

	if (rc != 0)
		return rc;
	(*graph)->accepts_missing = true; // the library's trees say of each branch where it goes
	if (l->kind == LESSON_CLASSES && s->groups == 1)
		return boosted_two_columns(*graph, err);
	if (l->kind == LESSON_VALUES) {
		const uint32_t made = (*graph)->outputs[0].tensor;
		const uint32_t output = lesson_restore(l, *graph, made, err);

		(*graph)->tensors[made].name = "standardised";
		return output == GRAPH_NONE ? err->code : build_output(*graph, output, err);
	}
	return 0;
}

int student_trees(const struct lesson *lesson, struct graph **graph, struct error *err)
{
	struct tree_student s;
	int rc = tree_student_init(&s, lesson, err);

	*graph = NULL;
	if (rc == 0)
		rc = tree_student_rounds(&s, err);
	if (rc == 0)
		rc = tree_student_finish(&s, graph, err);
	if (rc != 0) {
		graph_destroy(*graph);
		*graph = NULL;
	}
	tree_student_fini(&s);
	return rc;
}
