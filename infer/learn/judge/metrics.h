// SPDX-License-Identifier: BSD-3-Clause
// How good decisions, probabilities and numbers are, beside the truth: pure functions of arrays, any thread. The
// figures are scikit-learn's (1.2; tests/smoke/metrics_sklearn.py compares to 1e-9); where it warns or raises, this
// says what is given instead. What is not defined is NaN.
//
// `weights` [n] are what each row counts for, at least 0; NULL: 1 each. A row that counts 0 is as if it were not there.
// Scores and truth are finite, which the caller sees to.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct metrics_class {
	double hits;      // rows of this class that were decided to be
	double truth;     // rows of this class
	double predicted; // rows decided to be of this class
	// Each 0 where its divisor is (scikit-learn's zero_division, which it warns of): of a class that nothing
	// was decided to be the precision, of a class that has no rows the recall.
	double precision, recall, f1;
};

struct metrics_means {
	double precision, recall, f1;
};

struct metrics_decided {
	double accuracy;
	// Of the classes that occur, in truth or decisions, as scikit-learn's labels=None: macro counts each the
	// same, weighted by its rows.
	struct metrics_means macro, weighted;
	uint32_t n_classes; // that occur
};

// truth, predicted [n]: 0 .. n_classes - 1. Fills classes [n_classes]. accuracy_score(),
// precision_recall_fscore_support(). Of no rows all is NaN.
struct metrics_decided metrics_decide(const int32_t *truth, const int32_t *predicted,
	const double *weights, size_t n, struct metrics_class *classes, uint32_t n_classes);
// Fills cells [n_classes][n_classes]: rows of class i that were decided to be j. confusion_matrix().
void metrics_confuse(const int32_t *truth, const int32_t *predicted, const double *weights,
	size_t n, double *cells, uint32_t n_classes);

// The mean of values [n]; NaN of no rows.
double metrics_mean(const double *values, const double *weights, size_t n);

// A row's loss of a probability for each class, n_classes of them; of 1, that of class 1 of two. log_loss() of
// float64: clipped to 2.2e-16 from 0 and 1, then divided by their sum.
double metrics_log_loss(const float *probabilities, uint32_t n_columns, int32_t truth);
// A row's squared distance from the truth, over all classes; of 1 column that of class 1 alone. Brier (1950); of two
// classes brier_score_loss() is half of it, as of 1 column.
double metrics_brier(const float *probabilities, uint32_t n_columns, int32_t truth);

#define METRICS_BINS_MAX 15

struct metrics_bin {
	double weight; // rows whose confidence is above bin/n_bins and at most (bin + 1)/n_bins; the first has 0, too
	double confidence; // their mean; 0 where there are none
	double right;      // the share of them that it is true of; 0 where there are none
};

// Fills bins [n_bins], at most METRICS_BINS_MAX: calibration_curve() of equally wide ones. confidence [n]: 0..1; right
// [n]: 1 where it came true, else 0. Returns the expected calibration error, the mean of |right - confidence| by
// weight (Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017); NaN of no rows.
double metrics_calibrate(const double *confidence, const uint8_t *right, const double *weights,
	size_t n, struct metrics_bin *bins, uint32_t n_bins);

struct metrics_regression {
	double mae, rmse;
	// r2_score(): where all truth is the same, 1 if nothing is wrong and else 0; NaN of fewer than two rows, of
	// which scikit-learn warns.
	double r2;
};

struct metrics_regression metrics_regress(
	const float *truth, const float *predicted, const double *weights, size_t n);
