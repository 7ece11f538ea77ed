// SPDX-License-Identifier: BSD-3-Clause
// Models of any size up to a bound, of three kinds.
#pragma once

#include "infer/graph/graph.h"

enum random_model {
	RANDOM_LINEAR,  // columns of very different magnitudes, scaled or not; a label or none
	RANDOM_FOREST,  // votes and their label, or boosted trees
	RANDOM_NETWORK, // two to four layers, with any activation between
};

// Aborts without memory; graph_destroy() it.
struct graph *random_model(enum random_model kind, uint64_t seed);
