// SPDX-License-Identifier: BSD-3-Clause
// Rows of features as files hold them: .csv, .npy (NumPy's format 1 to 3) and .f32 (raw
// little-endian float32), read into one matrix; and matrices of scores written the same three ways.
//
// The ending of the file's name says which format it is, unless rows_options.format does. Memory is
// bounded by rows_options.max_bytes, so that a hostile file is refused before it takes all there
// is. Owner: the caller, one thread. Errors are sentences with file and line ("rows.csv:17: 40
// values, the header names 41").
#pragma once

#include "base/error.h"
#include "base/rows_options.h"
#include "base/rows_table.h"

#include <stdio.h>

// Reads `path`, "-" being standard input. options may be NULL. .npy: little-endian f2, f4, f8,
// integers and bool, C or Fortran order; one dimension is one row (or, where one column is expected,
// one column); beyond two, the trailing ones are flattened.
//
// CSV (base/csv.h): the first record is a header where it holds text and no number, or the name of
// a feature or label. Then the model's names (options->names) are looked for among the columns,
// which may be in any order; columns that are neither the model's, nor labels, nor pandas' index
// are refused unless options->drop has them. Without a header, or without names to compare,
// features are in the file's order. Cells are what rows_cell.h says: a missing one is NaN, which the
// caller refuses where the model does not take it. rows->notes say what was decided.
// Errors: -EINVAL a malformed file, -EFBIG past max_bytes, -ENOMEM, or what opening and reading
// say. On an error `rows` is empty. Free with rows_fini().
int rows_read(
	const char *path, const struct rows_options *options, struct rows *rows, struct error *err);

// rows_read() of the open file that stands for `path`, and stays the caller's; NULL: of `path` itself.
int rows_read_open(const char *path, FILE *file, const struct rows_options *options,
	struct rows *rows, struct error *err);

// What the options or the name say that a file is; ROWS_FORMAT_ENDING: neither does.
enum rows_format rows_tell_format(const char *path, const struct rows_options *options);

// rows_read() of bytes that are there already; `name` stands for them in sentences, and
// options->format says what they are: by itself, CSV.
int rows_read_bytes(const char *name, const void *bytes, size_t size,
	const struct rows_options *options, struct rows *rows, struct error *err);

// rows_read() of rows that come in pieces. `file` NULL: of `path`; else an open file, which stays the caller's,
// `path` is what sentences call it, and its format is options->format.
int rows_read_pieces(const char *path, FILE *file, const struct rows_options *options,
	const struct rows_pieces *pieces, struct error *err);

// Writes values [n_rows][n_columns] to `path` by its ending. CSV gets a header where `names`
// [n_columns] is given, and nine significant digits: enough to give the same floats back.
// Errors: -EINVAL an unknown ending, or what the file system says; a partial file is removed.
int rows_write(const char *path, const float *values, size_t n_rows, uint32_t n_columns,
	const char *const *names, struct error *err);
// What stands before the values of a .npy of that shape.
void rows_write_npy_header(FILE *file, size_t n_rows, uint32_t n_columns);
// The CSV of rows_write() to an open file. Whether that failed, ferror() tells.
void rows_write_csv(FILE *file, const float *values, size_t n_rows, uint32_t n_columns,
	const char *const *names);
