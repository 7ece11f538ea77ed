// SPDX-License-Identifier: BSD-3-Clause
// What ends pruning between two steps. One thread.
#pragma once

#include "infer/learn/prune/prune_job.h"

// The least figure that is still good enough.
double prune_floor(const struct prune_job *job);
// Tells the watch. -ECANCELED.
int prune_step(const struct prune_job *job, uint32_t done, double figure, struct error *err);
// The loss ended it before its first step. -EDOM.
int prune_refuse(const struct prune_job *job, double sparsity, double figure, struct error *err);
