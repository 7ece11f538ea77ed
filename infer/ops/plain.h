// SPDX-License-Identifier: BSD-3-Clause
// Plain forms: one implementation of each operator that is correct and no more, for the forms that
// no kernel computes and for folding constants. It runs row by row, on every dtype of the operator,
// as ONNX's Operators.md says. Where that leaves a result open (integer division by zero, indices
// out of range) it does something defined, since an image that loads may be scored on any bits.
//
// Each operator of graph/ops.h names its plain form there; the form is in the file of its family,
// beside the shape rule.
#pragma once

#include "infer/graph/graph.h"

// A node as its plain form sees it.
struct plain {
	const struct node *node;       // for its attributes; its inputs and outputs are not read
	const struct tensor *in, *out; // [n_in], [n_out]: dtypes, shapes; `data` of constants only
	uint32_t n_in, n_out;
};

struct plain_op {
	// Computes one row. x[i] is NULL where the input is left out, y[o] where nobody reads the
	// output. Inputs and outputs do not overlap; `scratch` has scratch_bytes() bytes.
	void (*run)(const struct plain *plain, const void *const *x, void *const *y, void *scratch);
	size_t (*scratch_bytes)(const struct plain *plain); // NULL: none. 8-byte aligned
	// How many multiply-adds, or operations that take as long, a row costs; NULL: no more than
	// it reads and writes values.
	uint64_t (*work)(const struct plain *plain);
};
#define X(op, name, imin, imax, omin, omax, rule, plain) extern const struct plain_op plain;
OP_LIST(X)
#undef X
