// SPDX-License-Identifier: BSD-3-Clause
// The rows that a user hands to a model, for every command that scores them.
#pragma once

#include "base/rows.h"
#include "infer/infer.h"

// Reads `path` as `given` says, which the command line filled, with the model's features: their
// count and names. What the user should know of it is printed on stderr. Refuses the first value
// that the model cannot take, by row and feature: -EINVAL. Else as rows_read().
int model_rows_read(const struct model_info *info, const char *path,
	const struct rows_options *given, struct rows *rows, struct error *err);
