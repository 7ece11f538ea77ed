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
};

// Writes the sentence and hands `code` (a negative errno) back, so that callers can write
// `return error_set(err, -EINVAL, "...")`. `err` may be NULL.
__attribute__((format(printf, 3, 4))) static inline int error_set(
	struct error *err, int code, const char *format, ...)
{
	if (err) {
		va_list args;

		va_start(args, format);
		vsnprintf(err->text, sizeof(err->text), format, args);
		va_end(args);
	}
	return code;
}

// Puts "<where>: " in front of a sentence already made, and hands `code` back.
__attribute__((format(printf, 3, 4))) static inline int error_prefix(
	struct error *err, int code, const char *format, ...)
{
	if (err) {
		char tail[ERROR_TEXT_BYTES];
		va_list args;
		int n;

		snprintf(tail, sizeof(tail), "%s", err->text);
		va_start(args, format);
		n = vsnprintf(err->text, sizeof(err->text), format, args);
		va_end(args);
		if (n >= 0 && (size_t)n < sizeof(err->text) - 2)
			snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %.*s",
				(int)sizeof(err->text) - n - 3, tail);
	}
	return code;
}
