// SPDX-License-Identifier: BSD-3-Clause
// A file that is either whole under its name or not there at all: written under a temporary name in
// the same folder, synced and renamed. What stood there before stays until then. Standard output, too,
// gets all of it or nothing. A signal that ends the process takes the temporary file away.
#pragma once

#include "base/error.h"
#include "base/leftovers.h"

#include <stdbool.h>
#include <stdio.h>

struct output {
	FILE *file;
	bool standard;   // for standard output: kept in a file without a name until the end
	char path[4096]; // the name that it gets in the end
	char temporary[4096 + 32]; // "<path>.XXXXXX<ending of path>"; "" where there is none
	struct leftover leftover;  // the temporary file
};

// A file that is read or written besides.
struct output_other {
	const char *what; // "the rows"
	const char *path; // NULL: there is none
};

// Before work that takes long: can `path` be written, and is it none of the `n` others, which would be written over? NULL:
// nothing is asked.
int output_check(const char *path, const struct output_other *others, size_t n, struct error *err);
// Nor in another's folder.
int output_check_folder(const char *path, const struct output_other *other, struct error *err);
// Makes the temporary file; `path` NULL: for standard output. All of these return 0, or a negative errno with the path and the reason.
int output_open(struct output *output, const char *path, struct error *err);
// Flushes and syncs. The file is then whole under output->temporary, where it may be checked.
int output_finish(struct output *output, struct error *err);
// Finishes the file if need be and gives it its name, or copies it to standard output. On failure
// the temporary file is gone.
int output_commit(struct output *output, struct error *err);
// Removes the temporary file. Does nothing after output_commit() or a failure.
void output_abort(struct output *output);
