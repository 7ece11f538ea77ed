// SPDX-License-Identifier: BSD-3-Clause
// How well a score tells rows that are from rows that are not, at all thresholds: a row is decided to be where its score
// is at least the threshold. Pure functions beside the memory of the order; any thread. Figures are scikit-learn's, as
// metrics.h has it.
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

// Rows by descending score. Owner: the caller.
struct ranking {
	size_t n;             // at most UINT32_MAX
	const int32_t *truth; // [n] the caller's
	int32_t positive;     // rows of which the truth is this are, all others are not
	uint32_t *order;      // [n]: the row of each place
	double *scores;       // [n]: by place
};

// scores [n] are finite, and may go afterwards; `truth` must not. Free with ranking_fini(). -ENOMEM, -EFBIG.
int ranking_make(const double *scores, const int32_t *truth, int32_t positive, size_t n,
	struct ranking *ranking, struct error *err);
void ranking_fini(struct ranking *ranking);

struct ranking_figures {
	double positives, negatives; // rows of either, by weight
	// roc_auc_score(); NaN where either is 0, for which it raises.
	double roc_auc;
	// average_precision_score(): sum of (R_n - R_n-1) P_n, without interpolation; NaN without positives, where it
	// warns and gives 0 or 1.
	double pr_auc;
	// Where as large a share of positives is missed as of negatives is taken, on the line between the two
	// thresholds about it; and the one above, which takes fewer negatives. NaN where either class is empty.
	double eer, eer_threshold;
	// The most positives found, as a share, where at most that share of negatives is taken. NaN likewise.
	double recall_at_fpr;
};

// `weights` [n], of rows, or NULL, as in metrics.h.
struct ranking_figures ranking_judge(
	const struct ranking *ranking, const double *weights, double fpr);

// What one threshold decides.
struct ranking_point {
	double threshold;
	double hits,
		false_alarms; // positives and negatives whose score is at least the threshold, by weight
};

// The points of all thresholds that decide differently, descending; the first decides that no row is, and is the next
// float32 above all scores. *points [*n] is malloc'ed. -ENOMEM.
int ranking_points(const struct ranking *ranking, const double *weights,
	struct ranking_point **points, size_t *n, struct error *err);
// Of those: of the largest F1, of equal ones the highest.
const struct ranking_point *ranking_best_f1(const struct ranking_point *points, size_t n);
// Of the least false_alarms * cost_fp + misses * cost_fn, of equal ones the highest.
const struct ranking_point *ranking_cheapest(
	const struct ranking_point *points, size_t n, double cost_fp, double cost_fn);
// The lowest that takes at most the share `fpr` of the negatives.
const struct ranking_point *ranking_within_fpr(
	const struct ranking_point *points, size_t n, double fpr);
