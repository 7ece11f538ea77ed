// SPDX-License-Identifier: BSD-3-Clause
// What a search found, as a drawing.
#pragma once

#include "infer/learn/compress/compress_options.h"

#include <stdio.h>

// All trials by time and figure as SVG, those of the front joined, the chosen one named. Whether writing failed,
// ferror() tells.
void compress_draw(FILE *file, const char *model, const struct compress_options *options,
	const struct compress_result *result);
