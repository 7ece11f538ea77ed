// SPDX-License-Identifier: BSD-3-Clause
// The lines of an audit log, of the appliance or of a copy of its files. What they say is not checked: that is
// audit_verify.h's.
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

// text[bytes] is the line as it stands, without its newline, `line` what it says; NULL: it is none, but a piece of one
// that a crash left between lines that were given on. 0: go on; 1: that was the last one that is wanted; a negative errno,
// with a sentence.
typedef int (*audit_line_taken)(
	void *arg, const char *text, size_t bytes, const json_t *line, struct error *err);

// A page of the appliance's log, as GET /v1/audit answers to "after=7&limit=20", malloc'ed. NULL: refused, and said.
char *audit_page(const char *query, size_t *size);
// Gives on the lines behind line `after`, in their order: of the log's folder, or a file that audit export wrote,
// `path`; NULL: of the appliance. A negative errno with a sentence, or what take() said. How much is no line, or not
// in its place, is said.
int audit_lines_each(
	const char *path, uint64_t after, audit_line_taken take, void *arg, struct error *err);
