// SPDX-License-Identifier: BSD-3-Clause
// What an image carries beside the operators.
#pragma once

#include "infer/graph/graph.h"

// Before writing and after reading: are the names there, the counts within infer.h's limits?
// -EINVAL.
int image_check_meta(const struct graph *graph, struct error *err);
