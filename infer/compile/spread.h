// SPDX-License-Identifier: BSD-3-Clause
// How far apart are scores whose evaluations were disturbed? What rounding may do to each score,
// from the spread of its evaluations.
#pragma once

#include "infer/graph/graph.h"

// The errors that are added are this many times as big as those of rounding, so that what the
// evaluation itself rounds does not count; in every second pair much bigger, so that no discrete
// step that hangs by rounding is missed. The others are small enough for a function that bends,
// such as a Sigmoid, which would hide most of a big error. Powers of two.
#define SPREAD_GAIN      4.0
#define SPREAD_GAIN_STEP 64.0
#define SPREAD_LEAST     1e-30 // what is smaller may be flushed to 0

// `lanes` evaluations of each row lie side by side: the undisturbed one, then pairs with opposite
// errors.
struct evaluations {
	const struct graph *graph;
	uint32_t n_rows, lanes;
	void **values;   // [n_tensors] [n_rows * lanes][tensor_bytes]; NULL: not there
	bool *otherwise; // [n_rows] a discrete step came to another result (decisions.h)
	// Is there a node of which a result may be small beside what it was made from? Then no score is
	// closer than its column's largest.
	bool hides;
};

// By how much errors of rounding are too big in lane `lane`, from 1 on.
double spread_gain(uint32_t lane);
// Fills tolerance [n_rows][n_columns_out] by the values of the graph's outputs; `outputs` are the
// scores [n_rows][n_columns_out]. 0 or -ENOMEM.
int spread_collect(const struct evaluations *evaluations, const float *outputs, float *tolerance,
	struct error *err);
