// SPDX-License-Identifier: BSD-3-Clause
// A graph beside another one, to be changed while the first stays.
#pragma once

#include "infer/graph/graph.h"

// The same tensors by the same numbers, the same ports and words, and with `nodes` the same nodes; without, none.
// Values of constants, words and golden rows are those of `from`, which must outlive the copy. -ENOMEM.
int graph_copy(const struct graph *from, bool nodes, struct graph **to, struct error *err);
// One node of `from` with its attributes, at the end of `to`, which has the same tensors by the same numbers. NULL:
// err is filled.
struct node *graph_copy_node(struct graph *to, const struct node *node, struct error *err);
