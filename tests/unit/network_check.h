// SPDX-License-Identifier: BSD-3-Clause
// Graphs of several operators, drawn by seed: what comes out on each ISA must agree with the scalar
// set.
#pragma once

#include "infer/graph/graph.h"
#include "tests/unit/graph_build.h"

uint32_t network_below(unsigned *seed, uint32_t limit);
const char *network_name(struct graph *graph); // that no tensor has yet; until the next call
// A node whose attributes are still to be set, then the tensor of its output o, which is returned.
// The node's pointer holds until the next node.
struct node *network_node(
	struct graph *graph, enum op op, uint32_t n_inputs, const uint32_t *inputs);
uint32_t network_output(struct graph *graph, struct node *node, uint32_t o);
// Two graphs that should score the same.
void network_same(
	const struct graph *graph, const struct graph *other, double bound, unsigned which);
// Scores random rows on each ISA and for several counts of rows. `bound` of 1 or of the value.
void network_check(const struct graph *graph, double bound, unsigned which);
