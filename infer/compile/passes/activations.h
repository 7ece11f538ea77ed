// SPDX-License-Identifier: BSD-3-Clause
// Activations as nodes of their own.
#pragma once

#include "infer/graph/act.h"

// A node at the end of the graph that makes tensor y of x. The act is one that a Dense may carry. -ENOMEM.
int pass_add_activation(
	struct graph *graph, struct act act, uint32_t x, uint32_t y, struct error *err);
// A copy in which no Dense or Conv carries an activation that does more than bound (Relu, Clip): it follows as a node.
// Names and constants are those of `from`, which must outlive it. -ENOMEM.
int pass_split_activations(const struct graph *from, struct graph **to, struct error *err);
