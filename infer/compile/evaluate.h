// SPDX-License-Identifier: BSD-3-Clause
// One node of a graph, evaluated by itself on several rows: by its plain form, or where that would
// take long by the kernels that a plan chooses for it.
#pragma once

#include "infer/graph/graph.h"

struct evaluation {
	const struct graph *graph;
	const struct node *node;
	uint32_t n; // rows
	int power; // 0: the node as it is; else its factors' (Gemm's ALPHA and BETA) magnitudes, to this
	// What init() makes and the caller fills in: x [n_inputs], of computed inputs
	// [n][tensor_bytes]; y [n_outputs] of wanted outputs, likewise. Left at NULL: x of a
	// constant is the graph's, an output nobody reads.
	const void **x;
	void **y;
	void **own; // [n_inputs] copies, freed by fini()
};

int evaluation_init(struct evaluation *evaluation, struct error *err);
void evaluation_fini(struct evaluation *evaluation);
// A copy of input i, to be changed, which x[i] is from now on: of a constant its values, else [n]
// of x[i], as far as that is set. NULL: no memory, err filled.
void *evaluation_own(struct evaluation *evaluation, uint32_t i, struct error *err);
// 0 or -ENOMEM.
int evaluation_run(struct evaluation *evaluation, struct error *err);

// Multiply-adds of a node for a row, at least one for each value that it reads and writes.
uint64_t evaluate_work(const struct graph *graph, const struct node *node);
