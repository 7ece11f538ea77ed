// SPDX-License-Identifier: BSD-3-Clause
#include "base/bounds.h"

#include <math.h>

// As config/schema.c has the keys of these names.
const struct bound_kind BOUND_KINDS[BOUND_COUNT] = {
	[BOUND_DIFFER] = { "differ", 0, 1, "a number from 0 to 1", false },
	[BOUND_MEAN] = { "mean", 0, 1e30, "a number from 0 to 1e30", false },
	[BOUND_LATENCY] = { "latency", 0, 1e6, "a number from 0 to 1000000", false },
	[BOUND_ALPHA] = { "alpha", 1e-9, 0.5, "a number from 1e-9 to 0.5", false },
	[BOUND_ROWS_MIN] = { "rows_min", 1, 4294967295.0, "a whole number from 1 to 4294967295",
		true },
};

bool bounds_any(const struct bounds *bounds)
{
	for (int b = 0; b < BOUND_COUNT; b++)
		if (bounds->is_given[b])
			return true;
	return false;
}

bool bounds_equal(const struct bounds *a, const struct bounds *b)
{
	for (int i = 0; i < BOUND_COUNT; i++)
		if (a->is_given[i] != b->is_given[i] ||
			(a->is_given[i] && a->value[i] != b->value[i]))
			return false;
	return true;
}

bool bounds_give(struct bounds *bounds, enum bound_key bound, double value)
{
	const struct bound_kind *kind = &BOUND_KINDS[bound];

	bounds->is_given[bound] = true;
	bounds->value[bound] = value;
	return value >= kind->least && value <= kind->most &&
		(!kind->whole || value == floor(value));
}
