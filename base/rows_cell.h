// SPDX-License-Identifier: BSD-3-Clause
// What the text of one cell of a CSV is. Pure functions, any thread.
#pragma once

#include <stdbool.h>

enum rows_cell { ROWS_CELL_NUMBER, ROWS_CELL_MISSING, ROWS_CELL_TEXT };

// *value: the number, the float nearest to it; NaN of a missing one. true and false, as data frames
// write them, are 1 and 0. Missing are an empty cell, NA, N/A, NaN, null, None and ?, in any case,
// and what pandas reads as such of spreadsheets: #N/A, <NA>.
enum rows_cell rows_cell_read(const char *text, float *value);
// Is it a number but for a comma in place of the point?
bool rows_cell_has_decimal_comma(const char *text);
