// SPDX-License-Identifier: BSD-3-Clause
// A matrix of features in memory, with the names and the text columns of the file it came from.
// Owner: the caller, one thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROWS_COLUMNS_MAX      65536
#define ROWS_TEXT_COLUMNS_MAX 16
#define ROWS_NOTES_MAX        8

struct error;

struct rows_text {     // one column of text
	char *name;    // NULL where the file names none
	char **values; // [n_rows]
};

struct rows {
	float *values; // [n_rows][n_columns]
	size_t n_rows;
	uint32_t n_columns;
	char **names;            // [n_columns] from a CSV's header; NULL where the file names none
	bool *categories;        // [n_columns] those that rows_options.categories names; NULL: none
	struct rows_text *texts; // [n_texts], those that are kept, then in the file's order
	uint32_t n_texts;
	// What the user should know of how the file was read: sentences, with the file's name. They
	// may hold the file's bytes.
	char *notes[ROWS_NOTES_MAX];
	uint32_t n_notes;
};

// Rows that come in pieces, so that a file of any length takes no more memory than one of them.
struct rows_pieces {
	size_t rows; // of a piece, at most; but a .npy in Fortran order comes all at once
	// Takes the next ones, `first` being the number of the first of them, from 0. `rows` is the reader's,
	// and its names and notes are those of the whole file. Not 0: reading ends, with that, and `err` says why.
	int (*take)(void *context, const struct rows *rows, size_t first, struct error *err);
	void *context;
};

void rows_fini(struct rows *rows); // an empty or zeroed one is fine

// The text column of that name; NULL where the file has none.
const struct rows_text *rows_text(const struct rows *rows, const char *name);

// Adds a note. Without memory, or beyond ROWS_NOTES_MAX, it is lost.
__attribute__((format(printf, 2, 3))) void rows_note(struct rows *rows, const char *format, ...);
