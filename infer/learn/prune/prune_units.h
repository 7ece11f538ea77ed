// SPDX-License-Identifier: BSD-3-Clause
// Units of dense layers that go: PRUNE_STRUCTURED of a job with a net.
#pragma once

#include "infer/learn/prune/prune_job.h"

prune_function prune_units;
