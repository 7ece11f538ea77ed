// SPDX-License-Identifier: BSD-3-Clause
// What a student is taught, and how each kind of student learns it. distil.c makes it.
//
// Owner: the caller; constant while it is learnt.
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"
#include "infer/learn/distil/distil_options.h"
#include "infer/learn/watch.h"

enum lesson_kind {
	LESSON_CLASSES,     // a probability for each of two or more outputs
	LESSON_PROBABILITY, // one output, a probability
	LESSON_VALUES,      // numbers
};

struct lesson {
	enum lesson_kind kind;
	uint32_t n_features, n_outputs;
	// Rows to learn from, then `n_judged` real ones to judge each round by, which are not learnt from.
	size_t n, n_judged;
	const float *x; // [n + n_judged][n_features]; NaN: missing
	// [n + n_judged][n_outputs] of the teacher: probabilities at a temperature of 1, or what values became by
	// (value - shift) / scale, after their logarithm where `logarithm` is set.
	const float *scores;
	const int32_t *classes; // [n + n_judged], -1: no label
	const float *weights;   // [n + n_judged]; NULL: 1 each
	bool logarithm;
	const float *shift, *scale; // [n_outputs] of LESSON_VALUES
	bool missing;               // some x is NaN
	const struct distil_options *options;
	const struct learn_watch *watch;
	struct compile_report *report;
};

// A student: a graph of one input and one output [1, n_outputs], with accepts_missing set; the caller destroys it.
// -ECANCELED, and what training says.
typedef int lesson_student(const struct lesson *lesson, struct graph **graph, struct error *err);

// Softens a row of probabilities: softmax(log(p) / temperature); of LESSON_PROBABILITY the same of p and 1 - p.
void lesson_soften(const struct lesson *lesson, const float *p, double temperature, float *soft);
// Makes the teacher's values again of what a student of LESSON_VALUES says. GRAPH_NONE: refused.
uint32_t lesson_restore(
	const struct lesson *lesson, struct graph *graph, uint32_t output, struct error *err);
