// SPDX-License-Identifier: BSD-3-Clause
// Rows of features as files hold them: .csv, .npy (NumPy's format 1 to 3) and .f32 (raw
// little-endian float32), read into one matrix; and matrices of scores written the same three ways.
//
// The ending of the file's name says which format it is. Memory is bounded by
// rows_options.max_bytes, so that a hostile file is refused before it takes all there is. Owner:
// the caller, one thread. Errors are sentences with file and line ("rows.csv:17: 40 values, the
// header names 41").
#pragma once

#include "base/error.h"
#include "base/rows_table.h"

#include <stdio.h>

// Reads `path`. options may be NULL. CSV: the first line is a header when its first field is not a
// number; blank lines are skipped; fields may be quoted. NaN and infinities are read as such.
// .npy: little-endian f4, f8, integers and bool, C or Fortran order; one dimension is one row (or,
// where one column is expected, one column); beyond two, the trailing ones are flattened.
// Errors: -EINVAL a malformed file, -EFBIG past max_bytes, -ENOMEM, or what opening and reading
// say. On an error `rows` is empty. Free with rows_fini().
int rows_read(
	const char *path, const struct rows_options *options, struct rows *rows, struct error *err);

// Writes values [n_rows][n_columns] to `path` by its ending. CSV gets a header where `names`
// [n_columns] is given, and nine significant digits: enough to give the same floats back.
// Errors: -EINVAL an unknown ending, or what the file system says; a partial file is removed.
int rows_write(const char *path, const float *values, size_t n_rows, uint32_t n_columns,
	const char *const *names, struct error *err);
// The CSV of rows_write() to an open file. Whether that failed, ferror() tells.
void rows_write_csv(FILE *file, const float *values, size_t n_rows, uint32_t n_columns,
	const char *const *names);
