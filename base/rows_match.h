// SPDX-License-Identifier: BSD-3-Clause
// The features' names found among those of a CSV's header. Private to base/, for rows_columns.c.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What a column of a file is, beside a feature, whose number from 0 it bears.
enum {
	COLUMN_OPEN = -1,     // not decided yet
	COLUMN_LEFT_OUT = -2, // nothing
	COLUMN_TEXT = -3,     // COLUMN_TEXT - t: text column t
};

#define ROWS_MATCH_NONE UINT32_MAX

struct rows_match {
	uint32_t *column; // [n_names] of the file, or ROWS_MATCH_NONE
	uint32_t n_found;
	uint32_t n_loose; // of n_found, those whose names are alike but not the same
	uint32_t twice; // a column that bears a feature's name, as does another; or ROWS_MATCH_NONE
};

// Looks for each of names [n_names] among the cells [n_cells] whose role is COLUMN_OPEN, and gives
// the feature's number to the role of the cell found. A name that is not there may differ from that
// of just one cell in upper and lower case, or in blanks, brackets, dots, colons, slashes, dashes
// and underscores, which exporters put for one another. 0 or -ENOMEM; rows_match_fini() either way.
int rows_match_names(struct rows_match *match, const char *const *names, uint32_t n_names,
	char *const *cells, int32_t *role, size_t n_cells);
void rows_match_fini(struct rows_match *match);

// Are the names nothing but their numbers, as libraries make them up: x0, x1, ... (this importer and
// scikit-learn), f0 (XGBoost), Column_0 (LightGBM), 0 (pandas), input_0?
bool rows_match_made_up(const char *const *names, uint32_t n_names);
