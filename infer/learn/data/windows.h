// SPDX-License-Identifier: BSD-3-Clause
// Rows of a CSV that are steps of time, made into rows that are windows of several: what a model over windows is trained
// with, judged by and asked. The cells stay the texts that they are.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define WINDOWS_STEPS_MAX    16384
#define WINDOWS_SESSIONS_MAX (1u << 20)
#define WINDOWS_BYTES_MAX    ((size_t)1 << 30) // of the steps that windows to come begin with

struct windows_options {
	uint32_t steps; // of a window
	uint32_t
		stride; // steps from the end of one window of a session to that of its next; 1 or more
	// Columns by their names or numbers from 1. Only rows with the same text in the session's column follow one
	// another, wherever they stand; NULL: all rows do. A window bears the label of its last step; NULL: the column
	// called "label", "class" or "target", if there is one.
	const char *session, *label;
	const char *drop; // columns that are left out, comma-separated; NULL: none
	bool no_header;   // the first line is a step; so it is of what is written
};

struct windows_figures {
	uint64_t n_steps, n_windows;
	uint32_t n_columns;  // of a step
	uint32_t n_sessions; // 1 without a session's column
	uint32_t n_short;    // that have fewer steps than a window
};

// Reads `in`, called `path` in sentences, and writes `out`: of columns A and B and two steps A[t-1], B[t-1], A[t], B[t],
// and the label. Steps must be numbers or missing. -EINVAL with file and line, -ENOMEM, -EFBIG; what `out` has then
// is of no use. Whether all could be written, ferror() tells.
int windows_make(const char *path, FILE *in, const struct windows_options *options, FILE *out,
	struct windows_figures *figures, struct error *err);
