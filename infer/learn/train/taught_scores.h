// SPDX-License-Identifier: BSD-3-Clause
// What a model that was learnt says of the rows that it was learnt from.
#pragma once

#include "infer/compile/compile.h"

// Scores rows, spread over all of them, by the image. -EDOM: a score is not finite, of which `path` is told. That all
// are the same is reported.
int taught_scores_check(const void *image, size_t size, const struct compile_rows *rows,
	const char *path, struct compile_report *report, struct error *err);
