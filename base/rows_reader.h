// SPDX-License-Identifier: BSD-3-Clause
// What the readers of the three formats share; private to base/.
#pragma once

#include "base/error.h"
#include "base/rows_options.h"
#include "base/rows_table.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct rows_reader {
	FILE *file;
	const char *path; // as the operator gave it
	const struct rows_options *options;
	size_t max_bytes;
	size_t used_bytes; // of max_bytes
	struct rows *rows;
	size_t rows_capacity;
	const struct rows_pieces *pieces; // NULL: all rows at once
	size_t n_taken;                   // rows handed over in pieces
	struct error *err;
};

// What a kept text counts for: 32 bytes more are about what malloc() and the pointer to it take.
static inline size_t rows_text_bytes(const char *text)
{
	return strlen(text) + 1 + 32;
}

// Counts `bytes` against the limit: 0 or -EFBIG with a sentence.
int rows_reserve(struct rows_reader *reader, size_t bytes);
// Whether as many rows are there as a piece has.
bool rows_piece_is_full(const struct rows_reader *reader);
// Hands over what is there, if that is anything, and begins anew. 0, or what take() said.
int rows_hand_over(struct rows_reader *reader);
// Refuses a column count of 0, past ROWS_COLUMNS_MAX, or other than the one expected: -EINVAL.
int rows_check_columns(struct rows_reader *reader, uint64_t n_columns);
