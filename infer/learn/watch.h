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

struct learn_watch {
	// Called between two steps of the work, by the thread that called it. False: end, and leave what is
	// there as it would be after an interruption. NULL: nobody watches.
	bool (*step)(void *context, const struct learn_progress *progress);
	// Called before the work where something that the caller may have asked for has no effect, because `what` is not
	// there, and `why`: "labels", "no row of x.csv bears one". A negative errno with a sentence ends the work. NULL:
	// nobody asked for anything.
	int (*lacks)(void *context, const char *what, const char *why, struct error *err);
	// Told that work begins (`on`) which takes long and calls nothing, as compiling a big forest does, and that it has
	// ended. Between the two the process may be ended at once, by any thread, after forget(arg), which takes away what
	// there is of files that nobody is to find; NULL: there is none. NULL: nobody would end it.
	void (*rest)(void *context, bool on, void (*forget)(void *arg), void *arg);
	void *context;
};

static inline int learn_lacks(
	const struct learn_watch *watch, const char *what, const char *why, struct error *err)
{
	return watch && watch->lacks ? watch->lacks(watch->context, what, why, err) : 0;
}

static inline void learn_rest(const struct learn_watch *watch, bool on)
{
	if (watch && watch->rest)
		watch->rest(watch->context, on, NULL, NULL);
}
