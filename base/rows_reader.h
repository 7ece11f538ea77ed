// SPDX-License-Identifier: BSD-3-Clause
// What the readers of the three formats share; private to base/.
#pragma once

#include "base/error.h"
#include "base/rows_options.h"
#include "base/rows_table.h"

#include <stdio.h>

struct rows_reader {
	FILE *file;
	const char *path; // as the operator gave it
	const struct rows_options *options;
	size_t max_bytes;
	size_t used_bytes; // of max_bytes
	struct rows *rows;
	size_t rows_capacity;
	struct error *err;
};

// Counts `bytes` against the limit: 0 or -EFBIG with a sentence.
int rows_reserve(struct rows_reader *reader, size_t bytes);
// Refuses a column count of 0, past ROWS_COLUMNS_MAX, or other than the one expected: -EINVAL.
int rows_check_columns(struct rows_reader *reader, uint64_t n_columns);
