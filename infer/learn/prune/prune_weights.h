// SPDX-License-Identifier: BSD-3-Clause
// Weights that become 0: PRUNE_MAGNITUDE and PRUNE_PROXIMAL.
#pragma once

#include "infer/learn/prune/prune_job.h"

prune_function prune_weights;
