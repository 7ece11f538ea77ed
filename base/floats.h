// SPDX-License-Identifier: BSD-3-Clause
// Whether floats are what may be reckoned with. No file of code belongs to it.
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

static inline bool floats_finite(const float *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(values[i]))
			return false;
	return true;
}

static inline bool floats_missing(const float *values, size_t n) // is one of them NaN?
{
	for (size_t i = 0; i < n; i++)
		if (isnan(values[i]))
			return true;
	return false;
}
