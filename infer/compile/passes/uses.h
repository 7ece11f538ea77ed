// SPDX-License-Identifier: BSD-3-Clause
// Who makes and who reads each tensor of a graph.
#pragma once

#include "infer/graph/graph.h"

struct uses {
	uint32_t *producer; // [n_tensors] node, or GRAPH_NONE
	uint32_t *count;    // [n_tensors] readers, the model's outputs included
	uint32_t *reader;   // [n_tensors] the last node that reads it, or GRAPH_NONE
};

int uses_init(struct uses *uses, const struct graph *graph, struct error *err); // -ENOMEM
void uses_fini(struct uses *uses);
// The node that makes `tensor`, if it is an `op` and only one reader wants it; NULL otherwise.
struct node *uses_sole(const struct uses *uses, struct graph *graph, uint32_t tensor, enum op op);
// The same where so many read it; a node that reads it twice counts for two.
struct node *uses_made(const struct uses *uses, struct graph *graph, uint32_t tensor, enum op op,
	uint32_t readers);
// The two nodes swap what they write: `first` then writes what `second` wrote, which is left dead.
void uses_swap_outputs(struct node *first, struct node *second);
