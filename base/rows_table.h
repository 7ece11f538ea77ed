// SPDX-License-Identifier: BSD-3-Clause
// A matrix of features in memory, with the names and the text columns of the file it came from.
// Owner: the caller, one thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ROWS_COLUMNS_MAX      65536
#define ROWS_LINE_MAX         ((size_t)4 << 20) // bytes of one line of CSV
#define ROWS_BYTES_MAX        ((size_t)4 << 30) // default of max_bytes
#define ROWS_LABELS_DEFAULT   "activity,label"
#define ROWS_TEXT_COLUMNS_MAX 16

struct rows_options {
	uint32_t n_columns; // features expected; 0: whatever the file has (.f32 needs it)
	// CSV columns that are text and no features, by header name, comma-separated.
	// NULL: ROWS_LABELS_DEFAULT; "": none. Names that the header lacks are no error.
	const char *label_columns;
	size_t max_bytes; // 0: ROWS_BYTES_MAX
};

struct rows_text { // one column of text
	char *name;
	char **values; // [n_rows]
};

struct rows {
	float *values; // [n_rows][n_columns]
	size_t n_rows;
	uint32_t n_columns;
	char **names;            // [n_columns] from a CSV's header; NULL where the file names none
	struct rows_text *texts; // [n_texts], in the file's order
	uint32_t n_texts;
};

void rows_fini(struct rows *rows); // an empty or zeroed one is fine

// The text column of that name; NULL where the file has none.
const struct rows_text *rows_text(const struct rows *rows, const char *name);
