// SPDX-License-Identifier: BSD-3-Clause
// The known name that a misspelt one was probably meant to be, for "did you mean" in a refusal.
// One thread; nothing is kept.
#pragma once

struct nearest {
	const char *wanted; // the name that is not known, set by the caller
	const char *found;  // the most alike of the names tried so far; NULL: none is alike enough
	unsigned in_common; // letters that `found` shares with `wanted`, in order
};

// Tries one known name. The first of several that are equally alike stays.
void nearest_try(struct nearest *nearest, const char *known);
