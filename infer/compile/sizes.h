// SPDX-License-Identifier: BSD-3-Clause
// Does a model decide by the size of its batch, and so that some sizes are decided otherwise than
// those it was imported for?
#pragma once

#include "infer/import/deciding.h"

// What the same file decides for batches of `rows` rows.
struct sizes_seen {
	uint32_t rows;
	struct deciding_list list;
};

// Do two of them differ in what they decide by?
bool sizes_differ(const struct sizes_seen *a, const struct sizes_seen *b, bool *no_memory);

// The first node that does not decide the same for all batches of seen[0].rows rows and more, as far as
// three sizes, ascending, tell; NULL: there is none. Numbers that grow otherwise than in a straight
// line are not understood, and count as not the same.
const struct deciding *sizes_find(const struct sizes_seen *const seen[3], bool *no_memory);
