// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/judge/ranking.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

struct place {
	double score;
	uint32_t row;
};

// Descending; rows of equal scores in their order, so that sums come out the same on every machine.
static int compare_places(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	if (a->score != b->score)
		return a->score < b->score ? 1 : -1;
	return a->row < b->row ? -1 : a->row > b->row;
}

int ranking_make(const double *scores, const int32_t *truth, int32_t positive, size_t n,
	struct ranking *ranking, struct error *err)
{
	struct place *places;

	*ranking = (struct ranking){ .n = n, .truth = truth, .positive = positive };
	if (n > UINT32_MAX)
		return error_set(err, -EFBIG, "%zu rows are more than can be ranked, 2^32", n);
	places = malloc(n * sizeof(*places) + 1);
	ranking->order = malloc(n * sizeof(*ranking->order) + 1);
	ranking->scores = malloc(n * sizeof(*ranking->scores) + 1);
	if (!places || !ranking->order || !ranking->scores) {
		free(places);
		ranking_fini(ranking);
		return error_set(err, -ENOMEM, "out of memory for the order of %zu rows", n);
	}
	for (size_t i = 0; i < n; i++)
		places[i] = (struct place){ scores[i], (uint32_t)i };
	qsort(places, n, sizeof(*places), compare_places);
	for (size_t i = 0; i < n; i++) {
		ranking->order[i] = places[i].row;
		ranking->scores[i] = places[i].score;
	}
	free(places);
	return 0;
}

void ranking_fini(struct ranking *ranking)
{
	free(ranking->order);
	free(ranking->scores);
	ranking->order = NULL;
	ranking->scores = NULL;
}

// Adds the rows of the next score to `point`; returns the place behind them.
static size_t ranking_take(const struct ranking *ranking, const double *weights, size_t place,
	struct ranking_point *point)
{
	point->threshold = ranking->scores[place];
	for (; place < ranking->n && ranking->scores[place] == point->threshold; place++) {
		const uint32_t row = ranking->order[place];
		const double weight = weights ? weights[row] : 1;

		if (ranking->truth[row] == ranking->positive)
			point->hits += weight;
		else
			point->false_alarms += weight;
	}
	return place;
}

// Looks whether the shares of misses and of false alarms meet between two thresholds.
static void judge_eer(struct ranking_figures *figures, const struct ranking_point *above,
	const struct ranking_point *point)
{
	const double fpr_above = above->false_alarms / figures->negatives;
	const double fpr = point->false_alarms / figures->negatives;
	const double gap_above = 1 - above->hits / figures->positives - fpr_above;
	const double gap = 1 - point->hits / figures->positives - fpr;

	if (!isnan(figures->eer) || gap > 0 || gap_above <= gap)
		return;
	figures->eer = fpr_above + (fpr - fpr_above) * gap_above / (gap_above - gap);
	figures->eer_threshold = gap == 0 ? point->threshold : above->threshold;
}

static double next_above(double score)
{
	return (double)nextafterf((float)score, INFINITY);
}

struct ranking_figures ranking_judge(
	const struct ranking *ranking, const double *weights, double fpr)
{
	struct ranking_figures figures = { .roc_auc = NAN,
		.pr_auc = NAN,
		.eer = NAN,
		.eer_threshold = NAN,
		.recall_at_fpr = NAN };
	struct ranking_point above = { 0 };
	double area = 0, precision = 0, recall = 0;

	for (size_t i = 0; i < ranking->n; i++)
		*(ranking->truth[i] == ranking->positive ? &figures.positives
							 : &figures.negatives) +=
			weights ? weights[i] : 1;
	if (figures.positives == 0)
		return figures;
	if (ranking->n > 0)
		above.threshold = next_above(ranking->scores[0]);
	for (size_t place = 0; place < ranking->n;) {
		struct ranking_point point = above;

		place = ranking_take(ranking, weights, place, &point);
		if (point.hits > above.hits)
			precision += (point.hits - above.hits) * point.hits /
				(point.hits + point.false_alarms);
		area += (point.false_alarms - above.false_alarms) * (point.hits + above.hits) / 2;
		if (figures.negatives > 0) {
			judge_eer(&figures, &above, &point);
			if (point.false_alarms / figures.negatives <= fpr)
				recall = point.hits / figures.positives;
		}
		above = point;
	}
	figures.pr_auc = precision / figures.positives;
	if (figures.negatives > 0) {
		figures.roc_auc = area / figures.positives / figures.negatives;
		figures.recall_at_fpr = recall;
	}
	return figures;
}

int ranking_points(const struct ranking *ranking, const double *weights,
	struct ranking_point **points, size_t *n, struct error *err)
{
	struct ranking_point point = { .threshold =
					       ranking->n ? next_above(ranking->scores[0]) : 0 };
	size_t distinct = 1;

	for (size_t i = 0; i < ranking->n; i++)
		distinct += i == 0 || ranking->scores[i] != ranking->scores[i - 1];
	*n = 0;
	*points = malloc(distinct * sizeof(**points));
	if (!*points)
		return error_set(err, -ENOMEM, "out of memory for %zu thresholds", distinct);
	(*points)[(*n)++] = point;
	for (size_t place = 0; place < ranking->n;) {
		place = ranking_take(ranking, weights, place, &point);
		(*points)[(*n)++] = point;
	}
	return 0;
}

const struct ranking_point *ranking_best_f1(const struct ranking_point *points, size_t n)
{
	const double positives = points[n - 1].hits;
	const struct ranking_point *best = points;
	double most = 0;

	for (size_t i = 0; i < n; i++) {
		const double decided = points[i].hits + points[i].false_alarms;
		const double f1 =
			decided + positives > 0 ? 2 * points[i].hits / (decided + positives) : 0;

		if (f1 > most) {
			most = f1;
			best = &points[i];
		}
	}
	return best;
}

const struct ranking_point *ranking_cheapest(
	const struct ranking_point *points, size_t n, double cost_fp, double cost_fn)
{
	const double positives = points[n - 1].hits;
	const struct ranking_point *best = points;
	double least = INFINITY;

	for (size_t i = 0; i < n; i++) {
		const double cost =
			points[i].false_alarms * cost_fp + (positives - points[i].hits) * cost_fn;

		if (cost < least) {
			least = cost;
			best = &points[i];
		}
	}
	return best;
}

const struct ranking_point *ranking_within_fpr(
	const struct ranking_point *points, size_t n, double fpr)
{
	const double negatives = points[n - 1].false_alarms;
	const struct ranking_point *best = points;

	for (size_t i = 0; i < n; i++)
		if (points[i].false_alarms == 0 || points[i].false_alarms / negatives <= fpr)
			best = &points[i];
	return best;
}
