// SPDX-License-Identifier: BSD-3-Clause
// What a tensor of a graph is of the rows that come in, where each feature was scaled by itself: value[c] =
// scale[c] * x[c] + shift[c].
#pragma once

#include "infer/graph/graph.h"

#include <stdbool.h>

struct scaling {
	double *scale, *shift; // [n_features]
	bool is; // else the tensor is something other than the rows, scaled or as they are
};

// Follows Affines without activations back to the graph's only input. -ENOMEM. Ended with scaling_fini().
int scaling_of(
	const struct graph *graph, uint32_t tensor, struct scaling *scaling, struct error *err);
void scaling_fini(struct scaling *scaling);
// The value of feature c that the scaling makes `scaled`; NaN where it makes the same of all.
float scaling_back(const struct scaling *scaling, uint32_t c, float scaled);
