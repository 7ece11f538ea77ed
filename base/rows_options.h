// SPDX-License-Identifier: BSD-3-Clause
// How a file of rows is read, and the options by which a command line says so. No file of code
// belongs to it. Owner: the caller, one thread.
#pragma once

#include "base/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rows;

#define ROWS_BYTES_MAX ((size_t)4 << 30) // default of max_bytes

// A column of a CSV that is no feature, and is kept as text.
struct rows_kept {
	const char *column; // its name, or its number from 1; it has to be there
	const char *option; // by which the user named it, for sentences: "--label"
};

enum rows_format { ROWS_FORMAT_ENDING, ROWS_FORMAT_CSV, ROWS_FORMAT_NPY, ROWS_FORMAT_F32 };

struct rows_options {
	uint32_t n_columns; // features expected; 0: whatever the file has (.f32 needs it)
	// The features' names, [n_columns], that a CSV's header is compared with; NULL: there are
	// none. Names that are made up of their numbers alone (x0, x1, ...) only count where the
	// header has them all.
	const char *const *names;
	// CSV columns that are kept as text and are no features, by header name, comma-separated.
	// NULL: those that rows_columns.c lists; "": none. Names that the header lacks are no
	// error.
	const char *label_columns;
	// These become the text columns 0, 1, ... of the rows; label_columns come behind them. NULL: none.
	const struct rows_kept *kept; // [n_kept]
	uint32_t n_kept;
	// The rows are to be learnt from: where label_columns is NULL and nothing tells the features, more
	// names are those of a label, and no feature's.
	bool labelled;
	enum rows_format format; // ROWS_FORMAT_ENDING: by the file's name; of standard input CSV
	// Of a CSV. Names, or numbers from 1; NULL: none given.
	const char *drop;       // columns that are neither features nor labels
	const char *columns;    // the features, in their order; the others are left out
	const char *categories; // features that are text whatever is in them: marked in the rows
	bool header;            // the first record is one, whatever is in it
	bool no_header;         // it is none
	// For features that are text: the number that stands for `text` in feature `feature`. 1:
	// *value is set. 0: that feature is a number, and is read as one. Negative: `text` is none
	// of those known, and err says what would be. NULL: all are numbers.
	int (*code)(const void *codes, uint32_t feature, const char *text, float *value,
		struct error *err);
	// Of a CSV, before the first row: `rows` has its n_columns, n_texts and their names. NULL: nobody asks.
	int (*begin)(const void *codes, const struct rows *rows, struct error *err);
	// Takes each cell of text column `column`, which rows->texts then do not hold. NULL: they hold it.
	int (*take_text)(const void *codes, uint32_t column, const char *text, struct error *err);
	const void *codes; // what the three above are given
	size_t max_bytes;  // 0: ROWS_BYTES_MAX
};

// The entries of a command that reads rows; `member` of the struct `type` is a struct rows_options.
#define ROWS_OPTION_FORMAT(type, member)                                                           \
	{                                                                                          \
		"rows-format", 0, "ending|csv|npy|f32",                                            \
			"what the rows are; else their file's ending says it, and - is CSV",       \
			OPTION_TO_CHOICE(type, member.format)                                      \
	}
#define ROWS_OPTION_DROP(type, member)                                                             \
	{                                                                                          \
		"drop", 0, "COLUMNS",                                                              \
			"columns of a CSV that are no features: names or numbers, from 1",         \
			OPTION_TO_TEXT(type, member.drop)                                          \
	}
#define ROWS_OPTION_COLUMNS(type, member)                                                          \
	{                                                                                          \
		"columns", 0, "A,B,...",                                                           \
			"the columns of a CSV that are the features, in their order",              \
			OPTION_TO_TEXT(type, member.columns)                                       \
	}
#define ROWS_OPTION_HEADER(type, member)                                                           \
	{                                                                                          \
		"header", 0, NULL, "the first line of a CSV names its columns",                    \
			OPTION_TO_FLAG(type, member.header)                                        \
	}
#define ROWS_OPTION_NO_HEADER(type, member)                                                        \
	{                                                                                          \
		"no-header", 0, NULL, "the first line of a CSV is a row",                          \
			OPTION_TO_FLAG(type, member.no_header)                                     \
	}
#define ROWS_OPTIONS(type, member)                                                                 \
	ROWS_OPTION_FORMAT(type, member), ROWS_OPTION_COLUMNS(type, member),                       \
		ROWS_OPTION_DROP(type, member), ROWS_OPTION_HEADER(type, member),                  \
		ROWS_OPTION_NO_HEADER(type, member)
