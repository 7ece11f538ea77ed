// SPDX-License-Identifier: BSD-3-Clause
// The one rule for names that become file names, JSON strings, CSV fields and metric labels as they
// are: 1 to NAME_BYTES_MAX of the ASCII letters, digits, '_', '.' and '-', the first one a letter
// or a digit. It does not depend on the locale. Any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define NAME_BYTES_MAX 63 // without the NUL

// May this character stand in a name (not necessarily at its beginning)?
bool name_allows(char character);
// Is `text` a name? NULL is none.
bool name_is_valid(const char *text);
// Makes a name of any `bytes` (at least one) of `text`: what is too long is cut off, and what no
// name may hold is replaced, by '_' or, at the beginning, by 'm'.
void name_make(char name[NAME_BYTES_MAX + 1], const char *text, size_t bytes);
