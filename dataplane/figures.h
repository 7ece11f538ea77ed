// SPDX-License-Identifier: BSD-3-Clause
// What is learnt from rows that were answered, as plain structs: by the lcores counted, by the control plane
// read.
#pragma once

#include "base/histogram.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum watch_kind {
	WATCH_CANARY,       // what live or the canary has answered is scored by the other one, too
	WATCH_SHADOW,       // what live has answered is scored by the shadow, too
	WATCH_DRIFT,        // what live has answered is counted
	WATCH_DRIFT_CANARY, // what the canary has answered is counted
	WATCH_KINDS,
};
#define WATCH_PAIRS (WATCH_SHADOW + 1) // those before it compare two versions

#define WATCH_LAST_ROWS     8   // that disagreed, which are kept
#define WATCH_LAST_FEATURES 64u // of such a row, the first
#define WATCH_LAST_OUTPUTS  16u

// A row whose decision differed.
struct watch_row {
	uint64_t tsc;                   // when it was compared
	uint32_t n_features, n_outputs; // that the model has: of more than fit, the first are kept
	float features[WATCH_LAST_FEATURES];
	float live[WATCH_LAST_OUTPUTS], other[WATCH_LAST_OUTPUTS];
};

// What became of the rows that a watch is about. Of one lcore, which alone writes them.
struct watch_rows {
	uint64_t seen;    // answered
	uint64_t sampled; // of them, copied into the lane
	uint64_t shed;    // that should have been, but for load: a full burst or a full lane
	uint64_t done;    // worked off: scored by both versions, or counted
	uint32_t due[2];  // the lcore's: answers to pass over until the next sample, of live's
			  // and of the other's
} __attribute__((aligned(64)));

// How two versions compare on these rows. Of one lcore, which alone writes them.
struct watch_figures {
	uint64_t differ;     // rows whose decision differs
	uint64_t not_finite; // rows of which one version only has finite scores
	// Of those with finite scores, of a row's largest absolute difference of scores.
	uint64_t measured;
	double sum, sum_of_squares, largest;
	// Batches that both versions scored one after the other for the clock, and those in which the other
	// took longer than live times `latency_ratio`. Nanoseconds a row.
	uint64_t timed, slower;
	struct histogram live_ns, other_ns;
	bool other_first; // the lcore's: whose turn it is to score first, with the colder cache
	uint64_t n_last;  // rows kept so far; the last at (n_last - 1) % WATCH_LAST_ROWS
	_Atomic(uint32_t) last_writes; // odd while `last` is being written
	struct watch_row last[WATCH_LAST_ROWS];
} __attribute__((aligned(64)));
