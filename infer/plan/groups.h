// SPDX-License-Identifier: BSD-3-Clause
// Which nodes run together, as one step (steps/chain.h): operators that compute value by value
// (steps/chain_form.h), as many values each, where only nodes of the group read what all but the last
// of them compute. The group runs at its last node. One thread.
#pragma once

#include "infer/graph/graph.h"

struct groups {
	uint32_t *last;  // [n_nodes] at which node a node runs: itself, or a later one
	uint32_t *first; // [n_nodes] the first node of the group that runs there
	uint32_t *next;  // [n_nodes] the node after it in its group
	// [n_tensors] For steps/chain.c, of the group at hand: where a result is, and how many
	// operators are still to read it.
	uint32_t *slot, *reads;
};

// All memory; every node by itself. -ENOMEM.
int groups_init(struct groups *groups, const struct graph *graph);
int groups_form(struct groups *groups, const struct graph *graph); // -ENOMEM
void groups_fini(struct groups *groups);
