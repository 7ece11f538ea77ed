// SPDX-License-Identifier: BSD-3-Clause
// How much does an operator round? What of its results is inexact, and by how many roundings of a
// float, as any kernel may compute them. Pure functions, any thread.
#pragma once

#include "infer/graph/graph.h"

// What an operator rounds.
enum rounding {
	ROUNDING_NONE,    // nothing: it moves, chooses or counts
	ROUNDING_SUMMED,  // sums of products, linear in the magnitudes of its inputs
	ROUNDING_ROUNDED, // a function of each value
	ROUNDING_WITHIN,  // anything else: sums and functions of its inputs
};

enum rounding rounding_of(const struct graph *graph, const struct node *node);

// Of ROUNDING_SUMMED: the terms of a sum for each result; whether it is divided by their count.
double rounding_terms(const struct graph *graph, const struct node *node);
bool rounding_is_of_mean(enum op op);
// What a sum of `terms` terms is off by, in roundings of 1, where `sum` of them came out, which is
// `magnitude` were they all positive, and of their squares `squares`.
double rounding_of_sum(double terms, double sum, double magnitude, double squares);
// Is input i taken by its magnitude for the magnitude of the result, and is it subtracted?
bool rounding_takes_magnitude(enum op op, uint32_t i);
bool rounding_is_subtracted(enum op op, uint32_t i);

// Of the others: roundings that a result may be off, relative to it.
double rounding_count(const struct graph *graph, const struct node *node);
// Some functions end so close to 0 that some kernels have 0 where others have a little.
bool rounding_may_flush(enum op op);
// Some functions are computed as a difference, which is less exact than the result is small.
bool rounding_is_of_difference(enum op op);
