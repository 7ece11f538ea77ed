// SPDX-License-Identifier: BSD-3-Clause
// The lines of minisign's small text files, read strictly: each ends in a newline (that of the last one may be
// missing), none holds a carriage return or a zero byte, and none may follow. Any thread.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct lines { // what is left of a text
	const char *text;
	size_t left;
	unsigned n; // lines that were taken
};

struct line { // of the text, without its end
	const char *text;
	size_t bytes;
	unsigned number;
};

// Sentences name `what`, "the signature". -EINVAL.
int lines_next(struct lines *lines, const char *what, struct line *line, struct error *err);
int lines_end(const struct lines *lines, const char *what, struct error *err);

bool line_begins(const struct line *line, const char *prefix);
int line_take_prefix(struct line *line, const char *prefix, const char *what, struct error *err);
// Text for people, of less than bytes_max bytes: UTF-8 without control characters, but for tabs.
int line_check_comment(
	const struct line *line, const char *what, size_t bytes_max, struct error *err);
// Exactly `size` bytes as base64 with its padding, in the one form that there is of them.
int line_base64(
	const struct line *line, const char *what, void *bytes, size_t size, struct error *err);
