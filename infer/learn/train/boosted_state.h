// SPDX-License-Identifier: BSD-3-Clause
// What boosting keeps between two rounds, to go on from to the same trees. Owner: the caller, one thread.
#pragma once

#include "infer/learn/train/booster.h"
#include "infer/learn/train/kind.h"

struct boosted_state {
	uint32_t rounds, best; // grown so far; the best of them, 0: none
	double best_loss;
};

// Hands a checkpoint to job->options->checkpoint.write: `size` bytes of the library's, which are the trees of that state
// (none after no round), and the rows and options that they are of. -ENOMEM, what write() says.
int boosted_keep(const struct train_job *job, const void *trees, size_t size,
	const struct boosted_state *state, struct error *err);
// Goes on from the file that the options name. -EINVAL: it is no checkpoint, or one of other rows or options; -ENOMEM, what
// reading says.
int boosted_resume(const struct train_job *job, struct booster *booster,
	struct boosted_state *state, struct error *err);
