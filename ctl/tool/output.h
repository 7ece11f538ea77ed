// SPDX-License-Identifier: BSD-3-Clause
// A file that is either whole under its name or not there at all: written under a temporary name in
// the same folder, synced and renamed. What stood there before stays until then.
#pragma once

#include "base/error.h"

#include <stdio.h>

struct output {
	FILE *file;
	char path[4096];           // final
	char temporary[4096 + 32]; // "<path>.XXXXXX<ending of path>"
};

// -errno with the path and the reason.
int output_open(struct output *output, const char *path, struct error *err);
// Flushes and syncs; the file is complete under output->temporary, which may be checked now.
int output_finish(struct output *output, struct error *err);
// Gives it its name. On failure the temporary file is gone.
int output_commit(struct output *output, struct error *err);
// Removes what is there of it. After output_commit(), or before output_open(), does nothing.
void output_abort(struct output *output);
