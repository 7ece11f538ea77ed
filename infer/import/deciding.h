// SPDX-License-Identifier: BSD-3-Clause
// What an importer computes of the sizes of tensors, and where that decides: a comparison, a bound, a
// rounding. A graph is of one row; whether the same is decided for a batch of any size can be seen
// by what the same file gives for a few sizes (compile/sizes.h).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum deciding_kind {
	DECIDING_LESS,     // a < b, and its contrary
	DECIDING_GREATER,  // a > b, and its contrary
	DECIDING_EQUAL,    // a == b
	DECIDING_ORDER,    // which of all is the smallest, or the largest
	DECIDING_SIGN,     // of a: below 0, 0, above
	DECIDING_QUOTIENT, // a / b or a % b in whole numbers
	DECIDING_WHOLE,    // a made whole
	DECIDING_SHAPE,    // 0 and -1 have meanings of their own in b
	DECIDING_BOUNDS,   // b and c against a, the dimensions that they cut
	DECIDING_COUNT,    // of a, a + c, ... before b
	DECIDING_PLACE,    // b is where in the constant a
	DECIDING_PRODUCT,  // a * b: both may grow
	DECIDING_FACTORS,  // of all in a, likewise
	DECIDING_ANY,      // whatever else a constant may decide
};

struct deciding_operand {
	bool given, known; // computed of the row: given, not known
	uint32_t rank;
	int64_t dims[8];
	size_t count;
	const double *values; // [count] where known
};

#define DECIDING_OPERANDS 16 // of one node
struct deciding {
	struct deciding *next;
	enum deciding_kind kind;
	const char *name, *type, *output; // as the file has them
	uint32_t n_operands;
	struct deciding_operand operands[DECIDING_OPERANDS];
};

// In the order of the import; a node in a body is there once a round.
struct deciding_list {
	struct arena *arena; // the owner's, in which all of it lies
	struct deciding *first, *last;
	size_t n;
	bool full; // there was no room for more
};
