// SPDX-License-Identifier: BSD-3-Clause
// Which of a model's outputs an image has.
#pragma once

#include "infer/graph/graph.h"

// Keeps the outputs that `list` ("label,probabilities") names, in its order, with their columns'
// names; what only the others needed is dead code. -EINVAL: no such output, or one twice; the
// sentence says which there are.
int outputs_select(struct graph *graph, const char *list, struct error *err);
