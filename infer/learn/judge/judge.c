// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/judge/judge.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CONFIDENCE_BINS_FEW  10
#define CONFIDENCE_BINS_MANY 15

// A mean of what is defined.
struct mean {
	double sum, weight;
};

static void mean_add(struct mean *mean, double value, double weight)
{
	if (isnan(value))
		return;
	mean->sum += weight * value;
	mean->weight += weight;
}

static double mean_of(const struct mean *mean)
{
	return mean->weight > 0 ? mean->sum / mean->weight : NAN;
}

static void judge_classes(struct judged *judged, const double *weights, double *figures)
{
	const struct metrics_decided decided = metrics_decide(judged->truth, judged->predicted,
		weights, judged->n, judged->classes, judged->n_classes);

	figures[FIGURE_ACCURACY] = decided.accuracy;
	figures[FIGURE_MACRO_PRECISION] = decided.macro.precision;
	figures[FIGURE_MACRO_RECALL] = decided.macro.recall;
	figures[FIGURE_MACRO_F1] = decided.macro.f1;
	figures[FIGURE_WEIGHTED_PRECISION] = decided.weighted.precision;
	figures[FIGURE_WEIGHTED_RECALL] = decided.weighted.recall;
	figures[FIGURE_WEIGHTED_F1] = decided.weighted.f1;
}

// One class against the rest: what was decided, and the order of the scores.
static void judge_one(const struct judged *judged, const double *weights, double *figures)
{
	const struct ranking_figures ranked = ranking_judge(&judged->ranking, weights, JUDGE_FPR);
	struct metrics_class classes[2];

	metrics_decide(judged->is, judged->says, weights, judged->n, classes, 2);
	figures[FIGURE_PRECISION] = classes[1].precision;
	figures[FIGURE_RECALL] = classes[1].recall;
	figures[FIGURE_F1] = classes[1].f1;
	figures[FIGURE_FALSE_POSITIVE_RATE] = classes[0].truth > 0
		? (classes[0].truth - classes[0].hits) / classes[0].truth
		: NAN;
	figures[FIGURE_ROC_AUC] = ranked.roc_auc;
	figures[FIGURE_PR_AUC] = ranked.pr_auc;
	figures[FIGURE_EER] = ranked.eer;
	figures[FIGURE_RECALL_AT_FPR] = ranked.recall_at_fpr;
}

static int rank_column(
	const struct judged *judged, uint32_t c, struct ranking *ranking, struct error *err)
{
	double *scores = malloc(judged->n * sizeof(*scores) + 1);
	int rc;

	if (!scores)
		return error_set(err, -ENOMEM, "out of memory for %zu scores", judged->n);
	for (size_t i = 0; i < judged->n; i++)
		scores[i] = (double)judged->columns[i * judged->n_classes + c];
	rc = ranking_make(scores, judged->truth, (int32_t)c, judged->n, ranking, err);
	free(scores);
	return rc;
}

int judge_rank_columns(struct judged *judged, struct error *err)
{
	int rc = 0;

	judged->rankings = calloc(judged->n_classes, sizeof(*judged->rankings));
	if (!judged->rankings)
		return error_set(err, -ENOMEM, "out of memory for %u classes", judged->n_classes);
	for (uint32_t c = 0; c < judged->n_classes && rc == 0; c++)
		rc = rank_column(judged, c, &judged->rankings[c], err);
	return rc;
}

// Each class against the rest, and their means; classes of which one side is empty have no figure.
static int judge_columns(
	struct judged *judged, const double *weights, double *figures, struct error *err)
{
	struct mean macro[2] = { 0 }, weighted[2] = { 0 };

	for (uint32_t c = 0; c < judged->n_classes; c++) {
		struct ranking made = { 0 };
		struct ranking_figures ranked;

		if (!judged->rankings) {
			int rc = rank_column(judged, c, &made, err);

			if (rc != 0)
				return rc;
		}
		ranked = ranking_judge(
			judged->rankings ? &judged->rankings[c] : &made, weights, JUDGE_FPR);
		ranking_fini(&made);
		judged->class_roc_auc[c] = ranked.roc_auc;
		judged->class_pr_auc[c] = ranked.pr_auc;
		mean_add(&macro[0], ranked.roc_auc, 1);
		mean_add(&macro[1], ranked.pr_auc, 1);
		mean_add(&weighted[0], ranked.roc_auc, ranked.positives);
		mean_add(&weighted[1], ranked.pr_auc, ranked.positives);
	}
	figures[FIGURE_MACRO_ROC_AUC] = mean_of(&macro[0]);
	figures[FIGURE_WEIGHTED_ROC_AUC] = mean_of(&weighted[0]);
	figures[FIGURE_MACRO_PR_AUC] = mean_of(&macro[1]);
	figures[FIGURE_WEIGHTED_PR_AUC] = mean_of(&weighted[1]);
	return 0;
}

int judge_figures(struct judged *judged, const double *weights, double *figures, struct error *err)
{
	for (int i = 0; i < FIGURES; i++)
		figures[i] = NAN;
	if (judged->numbers) {
		const struct metrics_regression regression =
			metrics_regress(judged->numbers, judged->foreseen, weights, judged->n);

		figures[FIGURE_MAE] = regression.mae;
		figures[FIGURE_RMSE] = regression.rmse;
		figures[FIGURE_R2] = regression.r2;
		return 0;
	}
	judge_classes(judged, weights, figures);
	if (judged->is)
		judge_one(judged, weights, figures);
	if (judged->log_loss) {
		figures[FIGURE_LOG_LOSS] = metrics_mean(judged->log_loss, weights, judged->n);
		figures[FIGURE_BRIER] = metrics_mean(judged->brier, weights, judged->n);
		figures[FIGURE_ECE_10] = metrics_calibrate(judged->confidence, judged->right,
			weights, judged->n, judged->bins[0], CONFIDENCE_BINS_FEW);
		figures[FIGURE_ECE_15] = metrics_calibrate(judged->confidence, judged->right,
			weights, judged->n, judged->bins[1], CONFIDENCE_BINS_MANY);
	}
	return judged->columns ? judge_columns(judged, weights, figures, err) : 0;
}

// A state to draw sample number `sample` with, which is like no other's: SplitMix64's mixing (Steele, Lea and Flood,
// "Fast splittable pseudorandom number generators", 2014).
static uint64_t sample_state(uint64_t seed, uint32_t sample)
{
	uint64_t z = seed + (sample + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return z ? z : 1;
}

static void sample_weights(
	const struct judged *judged, uint64_t seed, uint32_t sample, double *weights)
{
	uint64_t state = sample_state(seed, sample);

	memset(weights, 0, judged->n * sizeof(*weights));
	for (size_t i = 0; i < judged->n; i++)
		weights[(random_next(&state) >> 32) * judged->n >> 32] += 1;
	for (size_t i = 0; i < judged->n && judged->weights; i++)
		weights[i] *= judged->weights[i];
}

int judge_bootstrap(struct judged *judged, uint32_t n_samples, uint64_t seed,
	const struct learn_watch *watch, double *samples, struct error *err)
{
	double *weights = malloc(judged->n * sizeof(*weights) + 1);
	int rc = 0;

	if (!weights)
		return error_set(
			err, -ENOMEM, "out of memory for the weights of %zu rows", judged->n);
	for (uint32_t s = 0; s < n_samples && rc == 0; s++) {
		const struct learn_progress progress = { .stage = "bootstrap",
			.done = s,
			.total = n_samples,
			.loss = NAN,
			.score = NAN };

		sample_weights(judged, seed, s, weights);
		rc = judge_figures(judged, weights, samples + (size_t)s * FIGURES, err);
		if (rc == 0 && watch && watch->step && !watch->step(watch->context, &progress))
			rc = error_set(err, -ECANCELED, "interrupted after %u of %u samples", s + 1,
				n_samples);
	}
	free(weights);
	return rc;
}

static int compare_doubles(const void *left, const void *right)
{
	const double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

// Of ascending values, the one below which the share `at` lies, between two of them on the line.
static double percentile(const double *values, uint32_t n, double at)
{
	const double place = at * (n - 1);
	const uint32_t below = (uint32_t)place;

	if (below + 1 >= n)
		return values[n - 1];
	return values[below] + (values[below + 1] - values[below]) * (place - below);
}

int judge_interval(const double *values, const double *minus, uint32_t n_samples, uint32_t stride,
	double confidence, double *low, double *high, struct error *err)
{
	double *sorted = malloc(n_samples * sizeof(*sorted) + 1);
	uint32_t n = 0;

	*low = *high = NAN;
	if (!sorted)
		return error_set(err, -ENOMEM, "out of memory for %u samples", n_samples);
	for (uint32_t s = 0; s < n_samples; s++) {
		const size_t at = (size_t)s * stride;
		const double value = values[at] - (minus ? minus[at] : 0);

		if (!isnan(value))
			sorted[n++] = value;
	}
	if (n >= 2) {
		qsort(sorted, n, sizeof(*sorted), compare_doubles);
		*low = percentile(sorted, n, (1 - confidence) / 2);
		*high = percentile(sorted, n, (1 + confidence) / 2);
	}
	free(sorted);
	return 0;
}
