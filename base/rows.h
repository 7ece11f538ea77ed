// SPDX-License-Identifier: BSD-3-Clause
// Rows of features as files hold them: .csv, .npy (NumPy's format 1 to 3) and .f32 (raw
// little-endian float32), read into one matrix; and matrices of scores written the same three ways.
//
// Which format it is, the file name's ending says. Memory is bounded by rows_options.max_bytes, so
// hostile files are refused and not swallowed. Owner: the caller, one thread. Errors are sentences
// with file and line ("rows.csv:17: 40 values, the header names 41").
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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

// Reads `path`. options may be NULL. CSV: the first line is a header when its first field is not a
// number; blank lines are skipped; fields may be quoted. NaN and infinities are read as such.
// .npy: little-endian f4, f8, integers and bool, C or Fortran order; one dimension is one row (or,
// where one column is expected, one column); beyond two, the trailing ones are flattened.
// Errors: -EINVAL a malformed file, -EFBIG past max_bytes, -ENOMEM, or what opening and reading
// say. On an error `rows` is empty. Free with rows_fini().
int rows_read(
	const char *path, const struct rows_options *options, struct rows *rows, struct error *err);
void rows_fini(struct rows *rows); // an empty or zeroed one is fine

// The text column of that name; NULL where the file has none.
const struct rows_text *rows_text(const struct rows *rows, const char *name);

// Writes values [n_rows][n_columns] to `path` by its ending. CSV gets a header where `names`
// [n_columns] is given, and nine significant digits: enough to give the same floats back.
// Errors: -EINVAL an unknown ending, or what the file system says; a partial file is removed.
int rows_write(const char *path, const float *values, size_t n_rows, uint32_t n_columns,
	const char *const *names, struct error *err);
// The CSV of rows_write() to an open file; what went wrong, ferror() knows.
void rows_write_csv(FILE *file, const float *values, size_t n_rows, uint32_t n_columns,
	const char *const *names);
