// SPDX-License-Identifier: BSD-3-Clause
// What may be said of a version that is compared with live: bounds on the share of rows that it decides
// differently, on the mean difference of scores and on how often it is slower, which hold at all times at
// once, so that anybody may look whenever they like, and what follows from them. Pure functions; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// An interval of confidence: with probability 1 - alpha the truth lies in all that are ever looked at.
struct verdict_interval {
	double low, high;
};

// Of a share, of which `hits` of `n` were seen. The beta-binomial mixture: Robbins, "Statistical methods related
// to the law of the iterated logarithm", Ann. Math. Statist. 41 (1970); Howard, Ramdas, McAuliffe and Sekhon,
// "Time-uniform, nonparametric, nonasymptotic confidence sequences", Ann. Statist. 49 (2021), section 3. With a
// uniform prior, M(p) = B(hits + 1, n - hits + 1) / (p^hits (1 - p)^(n - hits)) is a martingale of mean 1 where
// p is the truth, so that it ever reaches 1 / alpha has a probability of at most alpha (Ville). The interval is
// all p where it has not.
struct verdict_interval verdict_share(uint64_t hits, uint64_t n, double alpha);

// Of a mean, from the sum and the sum of squares of `n` values that need no bound: Waudby-Smith, Arbour, Sinha,
// Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", Ann. Statist. 52
// (2024), theorem 2.2, tightest at 1000 values. It holds in the limit of many: nothing is said of fewer than 30
// values, of which it is all numbers.
struct verdict_interval verdict_mean(uint64_t n, double sum, double sum_of_squares, double alpha);

struct verdict_bounds {
	double differ;     // share of rows that may be decided differently; 1: any
	double mean;       // of the largest difference of a row's scores; 0: any
	double latency;    // times that of live; 0: any
	double alpha;      // probability that a version is blamed for what it keeps, per bound
	uint64_t rows_min; // nothing is promoted before
};

struct verdict_counts {
	uint64_t compared, differ;
	uint64_t measured; // rows that sum and sum_of_squares are of
	double sum, sum_of_squares;
	uint64_t timed, slower; // batches, and those that took longer than latency times live's
};

enum verdict_advice { VERDICT_WATCH, VERDICT_PROMOTE, VERDICT_ROLL_BACK };

#define VERDICT_WHY_BYTES 400

struct verdict {
	enum verdict_advice advice;
	char why[VERDICT_WHY_BYTES];               // a sentence
	uint64_t rows_to_go;                       // of VERDICT_WATCH, about; 0: not to be foretold
	struct verdict_interval share, mean, slow; // slow: of batches that took too long
};

const char *verdict_advice_name(
	enum verdict_advice advice); // "promote", "keep watching", "roll back"

// ROLL_BACK where a bound is broken for certain: the whole interval lies beyond it. Latency's is broken where
// more than half of the batches take longer. PROMOTE where all that are set are kept for certain, after
// rows_min rows. Else WATCH.
void verdict_judge(const struct verdict_counts *counts, const struct verdict_bounds *bounds,
	struct verdict *verdict);
