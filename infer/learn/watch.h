// SPDX-License-Identifier: BSD-3-Clause
// How long work tells whoever waits for it how far it is, and is told to end.
#pragma once

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
	void *context;
};
