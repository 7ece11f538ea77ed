// SPDX-License-Identifier: BSD-3-Clause
// Pruning without training between: each step changes the whole model, loaded again, by a greater share.
#pragma once

#include "infer/learn/prune/prune_job.h"

struct prune_made {
	uint64_t before, after; // weights or leaves
	double share;           // that is gone
	char text[160];         // of what: for the report
};
typedef int prune_change(struct prune_job *job, struct graph *graph, double share,
	const void *context, struct prune_made *made, struct error *err);
// Up to `most`, where no sparsity is asked for. 0, or what model_prune() says.
int prune_anew(struct prune_job *job, double most, prune_change *change, const void *context,
	struct error *err);
