// SPDX-License-Identifier: BSD-3-Clause
// What may be said of a version that is compared with live: bounds on the share of rows that it decides
// differently, on the mean difference of scores and on how often it is slower, which hold at all times at
// once, so that anybody may look whenever they like, and what follows from them. Pure functions; any thread.
#pragma once

#include "base/interval.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

// The bound that is broken.
enum verdict_reason { VERDICT_DIFFER, VERDICT_MEAN, VERDICT_SLOW, VERDICT_REASONS };
enum verdict_advice { VERDICT_WATCH, VERDICT_PROMOTE, VERDICT_ROLL_BACK };

#define VERDICT_WHY_BYTES 400

struct verdict {
	enum verdict_advice advice;
	enum verdict_reason reason;        // of VERDICT_ROLL_BACK
	char why[VERDICT_WHY_BYTES];       // a sentence
	uint64_t rows_to_go;               // of VERDICT_WATCH, about; 0: not to be foretold
	struct interval share, mean, slow; // slow: of batches that took too long
};

const char *verdict_advice_name(
	enum verdict_advice advice); // "promote", "keep watching", "roll back"

const char *verdict_reason_name(enum verdict_reason reason); // "differ", "mean", "latency"

// ROLL_BACK where a bound is broken for certain: the whole interval lies beyond it. Latency's is broken where
// more than half of the batches take longer. PROMOTE where all that are set are kept for certain, after
// rows_min rows. Else WATCH.
void verdict_judge(const struct verdict_counts *counts, const struct verdict_bounds *bounds,
	struct verdict *verdict);
