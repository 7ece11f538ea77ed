// SPDX-License-Identifier: BSD-3-Clause
// The lane of a scoring lcore: a bounded memory of rows with the scores that they were answered with, which
// wait to be scored by another version or to be counted (watch.h). It is worked off when there is nothing
// else to do: when rx bursts come empty. Nobody is ever answered from it.
//
// Load sheds first here: of a full burst nothing is taken, nor where the lane is full, and both are counted.
// A lane is read across quiescent states, so its items hold no pointer: a slot, a kind and a generation, by
// which the watch is looked up anew for each slice. Where that has changed meanwhile the item is dropped.
#pragma once

#include "base/error.h"
#include "dataplane/clock.h"
#include "dataplane/watch.h"

#include <stddef.h>

// Worked off at a time: a packet waits no longer than for these.
#define LANE_SLICE_ROWS    4u   // that two versions score
#define LANE_SLICE_COLUMNS 256u // that are counted
#define LANE_TAKE_BYTES    8192 // copied of one batch of answers at most

struct lane {
	const struct watches *watches;
	const struct clock *clock;
	uint32_t lcore; // whose figures are counted
	uint8_t *memory;
	size_t bytes;
	size_t head, tail; // where the next item goes, and where the oldest one is
	size_t end;        // behind the last item where the memory is wrapped around
	uint32_t n_items;
	uint32_t n_kinds;   // of watches that rows are taken for, the first
	uint32_t n_counted; // columns of the oldest one, where it is counted
};

// `memory` [bytes] stays the caller's, aligned to 8 bytes.
void lane_init(struct lane *lane, const struct watches *watches, const struct clock *clock,
	uint32_t lcore, void *memory, size_t bytes);

// Not for others: lane_offer() without its short cut.
void lane_take(struct lane *lane, const struct deployment *by, const float *rows,
	const float *outputs, uint32_t n, bool is_busy);

// What `by` has just answered: rows [n][n_features], outputs [n][n_outputs]. Samples of them are copied
// as their watches say. `is_busy`: there is no time for any of it.
static inline void lane_offer(struct lane *lane, const struct deployment *by, const float *rows,
	const float *outputs, uint32_t n, bool is_busy)
{
	if (__builtin_expect(!atomic_load_explicit(&lane->watches->n, memory_order_relaxed), true))
		return;
	lane_take(lane, by, rows, outputs, n, is_busy);
}

// Moves up to `most` of the oldest items, as many as fit.
void lane_move(struct lane *from, struct lane *to, uint32_t most);

// Works off one slice, in the lcore's scratch. False where nothing waits. Between two quiescent states, as
// all that looks into the registry.
bool lane_work(struct lane *lane, uint8_t *scratch);
