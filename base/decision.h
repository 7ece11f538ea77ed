// SPDX-License-Identifier: BSD-3-Clause
// When two versions of a model decide differently about a row: what a comparison in service and a replay count.
// Pure functions, any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum decision_rule {
	DECISION_LARGEST, // the largest score is another column; of equal ones the first is
	DECISION_SIDE,    // score 0 lies on the other side of the threshold (at it is above it)
	DECISION_WITHIN,  // a score is more than allowed[column] away
};

struct decision {
	enum decision_rule rule;
	uint32_t n_outputs;
	float threshold;
	const float *allowed; // [n_outputs], of DECISION_WITHIN
};

// What decides, by how many labels its classes have. A model with other outputs beside its classes' scores does
// not say which these are.
enum decision_rule decision_rule_of(uint32_t n_class_labels, uint32_t n_outputs);
// Fills allowed[n_outputs]: of each column the share `tolerance` of the spread of the golden rows' scores
// [n_golden][n_outputs]; of 1, where they have none.
void decision_allow(const float *golden_outputs, uint32_t n_golden, uint32_t n_outputs,
	float tolerance, float *allowed);
// The largest absolute difference of two rows of scores. False where a score is NaN or infinite; *only_one says
// whether that is so of one of the two alone, which counts as deciding differently.
bool decision_distance(
	const float *live, const float *other, uint32_t n, double *distance, bool *only_one);
// Of two rows of finite scores.
bool decision_differs(const struct decision *decision, const float *live, const float *other);
// The column of the largest score, of equal ones the first.
uint32_t decision_largest(const float *scores, uint32_t n);
