// SPDX-License-Identifier: BSD-3-Clause
// Plain forms: one implementation of each operator that is nothing but right, for what no kernel
// takes and for what is constant. It runs row by row, on every dtype the operator has, as ONNX's
// Operators.md says; where that leaves a result open (integer division by zero, indices out of
// range) it does something defined, for an image that loads can be scored on any bits.
//
// Each operator of graph/ops.h names its plain form there; it stands in its family's file beside
// the shape rule.
#pragma once

#include "infer/graph/graph.h"

// A node as its plain form sees it.
struct plain {
	const struct node *node;       // its attributes; inputs and outputs are not looked at
	const struct tensor *in, *out; // [n_in], [n_out]: dtypes, shapes; `data` of constants only
	uint32_t n_in, n_out;
};

struct plain_op {
	// One row. x[i], NULL: left out; y[o], NULL: nobody wants it; neither overlaps the other.
	// `scratch` has the scratch_bytes asked for.
	void (*run)(const struct plain *plain, const void *const *x, void *const *y, void *scratch);
	size_t (*scratch_bytes)(const struct plain *plain); // NULL: none. 8-byte aligned
	// Multiply-adds, or what takes as long; NULL: no more than the values it reads and writes.
	uint64_t (*work)(const struct plain *plain);
};
#define X(op, name, imin, imax, omin, omax, rule, plain) extern const struct plain_op plain;
OP_LIST(X)
#undef X
