// SPDX-License-Identifier: BSD-3-Clause
// Channels of convolutions that go: PRUNE_STRUCTURED of a job without a net.
#pragma once

#include "infer/learn/prune/prune_job.h"

prune_function prune_channels;
