// SPDX-License-Identifier: BSD-3-Clause
// Do the rows of a batch depend on each other? Drawn rows are computed together and each by itself, by
// the operators' plain forms.
#pragma once

#include "infer/graph/graph.h"

enum proof_result {
	PROOF_HOLDS,
	PROOF_FAILS,
	PROOF_OPEN, // it cannot be led: the graphs differ in form, or take too much
};

// `all` computes `rows` rows at once, `one` a single one of them; these the caller sets.
struct proof {
	const struct graph *one, *all;
	uint32_t rows;
	bool too_large;             // a graph took more work or memory than is allowed
	const struct node *culprit; // of `all`, where the proof fails; NULL: not found
	// While the proof is led:
	float *row_of_one; // [rows][one's n_features]
	float *row_of_all; // [all's n_features]
	float *scores;     // [rows][one's n_columns_out]
	uint64_t work;
};

// Fills too_large and culprit.
enum proof_result proof_of(struct proof *proof);
