// SPDX-License-Identifier: BSD-3-Clause
// UTF-8 as RFC 3629 has it: the shortest form, no surrogates, nothing beyond U+10FFFF. Any thread.
#pragma once

#include <stddef.h>

// Bytes of the character that begins at `text`, of which `left` bytes may be read, 1 at least; 0
// where it is none. Reads no byte behind a terminating zero either.
size_t utf8_character(const char *text, size_t left);
