// SPDX-License-Identifier: BSD-3-Clause
// The sentence an operator reads when something is refused.
//
// Cold paths return 0 or -errno and fill a struct error where the cause is known: what was wrong,
// where, and what would be right. Owner: the caller, usually on its stack. No thread safety needed.
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define ERROR_TEXT_BYTES 512

struct error {
	char text[ERROR_TEXT_BYTES]; // one sentence, no newline, always terminated
	int code; // a negative errno, as returned; after a success it tells nothing
};

// Writes the sentence and the code (a negative errno) and hands the code back, so that callers can
// write `return error_set(err, -EINVAL, "...")`. `err` may be NULL. A macro, so that compilers and
// analysers see which code comes back.
#define error_set(err, code, ...) (error_write(err, code, __VA_ARGS__), error_code(code))

// Puts "<where>: " in front of a sentence already made, and hands its code back. Not of NULL.
#define error_prefix(err, ...) (error_write_where(err, __VA_ARGS__), error_code((err)->code))

// A call, so that a code nobody takes is no warning.
static inline int error_code(int code)
{
	return code;
}

// What the two macros call; not for use by themselves.
__attribute__((format(printf, 3, 4))) void error_write(
	struct error *err, int code, const char *format, ...);
__attribute__((format(printf, 2, 3))) void error_write_where(
	struct error *err, const char *format, ...);
