// SPDX-License-Identifier: BSD-3-Clause
// Trees and subtrees that go: PRUNE_TREES and PRUNE_SUBTREES.
#pragma once

#include "infer/learn/prune/prune_job.h"

prune_function prune_forest;
