// SPDX-License-Identifier: BSD-3-Clause
// All figures of a model at once, from its scores beside the truth; and how far they would move with other rows.
// One thread; evaluate.c fills the struct.
#pragma once

#include "infer/learn/judge/figures.h"
#include "infer/learn/judge/metrics.h"
#include "infer/learn/judge/ranking.h"
#include "infer/learn/watch.h"

#include <stdbool.h>

struct judged {
	size_t n;
	const double *weights; // [n]; NULL: 1 each
	// Of numbers: both, and nothing below. NULL of others.
	const float *numbers, *foreseen;
	// Of classes: what each row is, and what it was decided to be.
	uint32_t n_classes;
	const int32_t *truth, *predicted;
	struct metrics_class *classes; // [n_classes], filled by the last judging
	// The columns' scores, one a class; NULL: there are none, or the classes are two.
	const float *columns; // [n][n_classes]
	struct ranking *
		rankings; // [n_classes], of each column; NULL: made where they are needed, for want of memory
	double *class_roc_auc, *class_pr_auc; // [n_classes], filled by the last judging
	// Of one class against the rest; NULL: there is none.
	const int32_t *is, *says; // [n]: 1 or 0, the truth and the decision
	struct ranking ranking;
	// Of probabilities; NULL where scores are none.
	const double *log_loss, *brier, *confidence;  // [n]
	const uint8_t *right;                         // [n]
	struct metrics_bin bins[2][METRICS_BINS_MAX]; // of 10 and of 15, filled by the last judging
};

// Makes judged->rankings of its columns. -ENOMEM, after which the caller frees them all the same.
int judge_rank_columns(struct judged *judged, struct error *err);

#define JUDGE_FPR 0.001 // of FIGURE_RECALL_AT_FPR

// Fills figures[FIGURES]; what is not defined, or not of this kind, is NaN. `weights` instead of judged->weights.
// -ENOMEM.
int judge_figures(struct judged *judged, const double *weights, double *figures, struct error *err);

// Judges `n_samples` sets of as many rows, drawn from these with repetition; the same `seed` and count of rows draw the
// same, so that what two models got on them may be compared set by set. Fills samples [n_samples][FIGURES].
// A threshold stays what it is. -ENOMEM; -ECANCELED where the watch, which may be NULL, says so.
int judge_bootstrap(struct judged *judged, uint32_t n_samples, uint64_t seed,
	const struct learn_watch *watch, double *samples, struct error *err);

// The interval that holds the share `confidence` of the samples of one figure, as numpy.percentile() has it: of
// values[i * stride], less those of `minus`, which may be NULL. Samples in which it is not defined are left out; NaN
// where fewer than 2 are left. -ENOMEM.
int judge_interval(const double *values, const double *minus, uint32_t n_samples, uint32_t stride,
	double confidence, double *low, double *high, struct error *err);
