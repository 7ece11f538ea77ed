// SPDX-License-Identifier: BSD-3-Clause
// The rows that a user hands to a model, and their scores, for every command that scores.
#pragma once

#include "base/rows.h"
#include "infer/infer.h"

// Reads `path` as `given` says, which the command line filled, with the model's features: their
// count and names. What the user should know of it is printed on stderr. Refuses the first value
// that the model cannot take, by row and feature: -EINVAL. Else as rows_read().
int model_rows_read(const struct model_info *info, const char *path,
	const struct rows_options *given, struct rows *rows, struct error *err);

// Writes scores [n_rows][n_columns] to `path`, whole or not at all; its ending says the format.
int model_rows_write(const char *path, const float *scores, size_t n_rows, uint32_t n_columns,
	const char *const *names, struct error *err);
// For OPTION_TO_OWN: a const char * that is "-" or ends in .csv, .npy or .f32: checked with the command
// line, so that it is refused before the work and not after it.
int model_rows_parse_output(void *field, const char *text, struct error *err);
