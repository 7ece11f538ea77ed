// SPDX-License-Identifier: BSD-3-Clause
// How long work tells whoever waits for it how far it is, and is told to end.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct learn_progress {
	const char *stage;      // "epoch", "trees", "trial"
	uint64_t done, total;   // of it; total 0: not known
	double loss;            // of the training rows so far; NaN: none
	double score;           // of the validation rows; NaN: none
	const char *score_name; // "F1", "loss"
};

#define LEARN_UNTIL_DONE UINT32_MAX // what is learnt is nowhere else, and is written in the end
#define LEARN_CHECKPOINT 2 // seconds: what was learnt since the last checkpoint is to be kept, too

struct learn_watch {
	// Called between two steps of the work, by the thread that called it. False: end, and leave what is
	// there as it would be after an interruption. NULL: nobody watches.
	bool (*step)(void *context, const struct learn_progress *progress);
	// Called before the work where something that the caller may have asked for has no effect, because `what` is not
	// there, and `why`: "labels", "no row of x.csv bears one". A negative errno with a sentence ends the work. NULL:
	// nobody asked for anything.
	int (*lacks)(void *context, const char *what, const char *why, struct error *err);
	// An interruption may end the whole process at once, without a step(), unless the work says that it has more to lose
	// than the files that it has written: from here on it is spared for so many seconds, or LEARN_UNTIL_DONE,
	// and looks by step(); 0: not any more, from which it does not come back where one has come. NULL: nobody ends processes.
	void (*spare)(void *context, uint32_t seconds);
	void *context;
};

static inline int learn_lacks(
	const struct learn_watch *watch, const char *what, const char *why, struct error *err)
{
	return watch && watch->lacks ? watch->lacks(watch->context, what, why, err) : 0;
}

static inline void learn_spare(const struct learn_watch *watch, uint32_t seconds)
{
	if (watch && watch->spare)
		watch->spare(watch->context, seconds);
}
