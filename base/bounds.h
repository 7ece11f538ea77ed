// SPDX-License-Identifier: BSD-3-Clause
// The bounds that a canary is held to, where they are given with it and not by the configuration: what may be
// given, and in which range. Any thread.
#pragma once

#include <stdbool.h>

enum bound_key {
	BOUND_DIFFER,
	BOUND_MEAN,
	BOUND_LATENCY,
	BOUND_ALPHA,
	BOUND_ROWS_MIN,
	BOUND_COUNT
};

// Zeroed: none is given.
struct bounds {
	bool is_given[BOUND_COUNT];
	double value[BOUND_COUNT];
};

struct bound_kind {
	const char *name;
	double least, most; // both allowed
	const char *range;  // as words: "a number from 0 to 1"
	bool whole;
};
extern const struct bound_kind BOUND_KINDS[BOUND_COUNT];

bool bounds_any(const struct bounds *bounds);
bool bounds_equal(const struct bounds *a, const struct bounds *b);
// Sets one; false where it is out of its range.
bool bounds_give(struct bounds *bounds, enum bound_key bound, double value);
