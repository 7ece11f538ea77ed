// SPDX-License-Identifier: BSD-3-Clause
// Which operators of a graph compute value by value, and how f32_chain says them. Pure functions.
#pragma once

#include "infer/graph/graph.h"
#include "infer/kernels/elementwise/chain.h"

// Pow depends on its exponent, Cast on its dtypes.
struct chain_form {
	bool known;
	enum chain_op op;
	bool swapped; // the operands
};
struct chain_form chain_form(const struct graph *graph, const struct node *node);
// Can a node be part of a chain? Its result may be BOOL where it is not the last.
bool chain_takes(const struct graph *graph, const struct node *node);
