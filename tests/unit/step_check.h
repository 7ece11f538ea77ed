// SPDX-License-Identifier: BSD-3-Clause
// One operator's graph and its formula in double: what comes out must agree on each ISA mask and
// for counts of rows on both sides of the tiles' edges. One at a time: step_begin() starts the
// next.
#pragma once

#include "infer/graph/graph.h"

#define STEP_VALUES_MAX 64 // of a row, in or out

struct step_check {
	struct graph *graph;
	uint32_t at;     // the tensor made last
	uint32_t x;      // the row
	float low, high; // its values lie between
};
extern struct step_check step;

// What the step must give for one row.
typedef void step_formula(const float *row, double *want);

#define DIMS(...)                                                                                  \
	(uint32_t)(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), (int64_t[])              \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define INT_ATTR(k, v)                                                                             \
	(struct attr)                                                                              \
	{                                                                                          \
		.key = (k), .kind = ATTR_KIND_INT, .count = 1, .i = (v)                            \
	}
#define FLOAT_ATTR(k, v)                                                                           \
	(struct attr)                                                                              \
	{                                                                                          \
		.key = (k), .kind = ATTR_KIND_FLOAT, .count = 1, .f = (v)                          \
	}

void step_begin(uint32_t rank, const int64_t *dims);
uint32_t step_constant(uint32_t rank, const int64_t *dims); // values drawn by seed
const float *step_values(uint32_t tensor);
uint32_t step_emit(enum op op, uint32_t n_inputs, const uint32_t *inputs, uint32_t n_attrs,
	const struct attr *attrs);
// Scores a graph that is finished; and one whose ports are step.x and step.at.
void step_score(step_formula *wanted, const char *what);
void step_check(step_formula *wanted, const char *what);
int step_end(void **state); // a cmocka teardown
