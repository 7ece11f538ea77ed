// SPDX-License-Identifier: BSD-3-Clause
// Names that come from foreign files: what may be shown and stored is UTF-8 without control
// characters (C0, DEL and C1). Pure functions, any thread.
#pragma once

#include <stddef.h>

// Bytes of the character that starts here, 1 to 4; 0: none does, or a control character. Reads no
// byte behind a string's end.
size_t text_character(const char *at);

// How many of the text's bytes to take so that at most `bytes_max` are, and no character is cut.
// An int, for "%.*s"; bytes_max <= INT_MAX.
int text_cut(const char *text, size_t bytes_max);

// Each byte that is no part of a sound character becomes '?'. The length stays.
void text_clean(char *text);
