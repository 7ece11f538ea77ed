// SPDX-License-Identifier: BSD-3-Clause
// Which column of a CSV is which feature: by the header's names where the model's names can be
// compared with them, else by position. Private to base/, for rows_csv.c.
#pragma once

#include "base/csv.h"
#include "base/rows_match.h"
#include "base/rows_reader.h"

#include <stdbool.h>

struct rows_columns {
	int32_t *
		role; // [n] of the file: which feature each is, or one of the numbers of rows_match.h
	size_t n;
	bool header; // the first record names them
};

// Decides by the first record, which is in csv->cells, and by reader->options. Sets n_columns,
// n_texts, the names and notes of reader->rows. 0, -EINVAL, -ENOMEM; rows_columns_fini() either
// way.
int rows_columns_decide(
	struct rows_reader *reader, const struct csv *csv, struct rows_columns *columns);
void rows_columns_fini(struct rows_columns *columns);
