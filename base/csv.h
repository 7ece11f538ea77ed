// SPDX-License-Identifier: BSD-3-Clause
// CSV as it is found: records of cells, separated by commas, semicolons or tabs; cells may be
// quoted and then hold separators, doubled quotes and line breaks (RFC 4180). A byte order mark is
// skipped, lines may end in LF, CRLF or CR, blank lines are skipped.
//
// One record is in memory at a time, at most CSV_RECORD_MAX bytes. Owner: the caller, one thread.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CSV_RECORD_MAX ((size_t)4 << 20) // bytes of one record
#define CSV_CELLS_MAX  (65536 + 1024)    // cells of one record

struct csv_record {
	char *text; // malloc'ed, ends with a NUL
	size_t bytes, capacity;
	size_t line; // the number of its first line, from 1
	bool open;   // it ends inside a quote
};

struct csv {
	FILE *file;
	const char *path; // for sentences
	struct error *err;
	char separator;     // 0 until the first record is read
	size_t line_number; // where the record begins, from 1
	char **cells;       // [n_cells] of the record, unquoted, without blanks around them
	size_t n_cells, cells_capacity;
	struct csv_record now, ahead; // `ahead` was read to tell the separator
	size_t n_lines;               // read so far
};

// "file:line: ..." with the code; hands it back.
#define CSV_ERROR(csv, code, format, ...)                                                          \
	error_set((csv)->err, code, "%s:%zu: " format, (csv)->path, (csv)->line_number,            \
		##__VA_ARGS__)

// `file` stays the caller's, and so do `path` and `err`.
void csv_init(struct csv *csv, FILE *file, const char *path, struct error *err);
void csv_fini(struct csv *csv);

// The next record's cells, which last until the next call: 1, 0 at the end of the file, or -EINVAL,
// -ENOMEM with a sentence. The first call tells the separator: of `,` `;` and tab, outside quotes,
// that which is in the first record and as often in the second.
int csv_next(struct csv *csv);

// Splits a list of names as a user types it, "a,b,\"c,d\"", in place, at commas. Fills cells
// [capacity] and returns how many there are, or -EINVAL: more than that, or a quote that does not
// close.
int csv_split_list(char *list, char **cells, size_t capacity);
