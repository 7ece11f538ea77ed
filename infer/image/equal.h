// SPDX-License-Identifier: BSD-3-Clause
// Constants of a graph that hold the same bytes, as the steps of a loop do that was unrolled: an image
// keeps those bytes once. One thread; nothing is changed.
#pragma once

#include "infer/graph/graph.h"

// Fills first[n_tensors] with the lowest tensor that holds the same bytes, whatever their shape and
// type; a tensor that is the first of its kind, or no constant, is its own. -ENOMEM.
int image_find_equal(const struct graph *graph, uint32_t *first, struct error *err);
