// SPDX-License-Identifier: BSD-3-Clause
// Rows with what is known of each: what is learnt from, judged by, and calibrated with. One reader for train,
// eval, prune, quantise, distil and compress.
//
// Owner: the caller, one thread; once it is read nothing changes, and any number of threads may read it.
#pragma once

#include "infer/learn/data/dataset_types.h"

// Reads a file. Errors are sentences with file, line and column: -EINVAL, -EFBIG, -ENOMEM, -EDOM (a value that is
// missing, infinite or no weight), or what the temporary file says. Numbers too small for a float are the nearest
// there is, denormal or 0.
int dataset_read(const char *path, const struct dataset_options *options, struct dataset *set,
	struct error *err);
void dataset_fini(struct dataset *set); // a zeroed one is fine
