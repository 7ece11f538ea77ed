// SPDX-License-Identifier: BSD-3-Clause
// Whole models against somebody else's results: every ISA mask this CPU has, batches 1, 7 and 64.
#pragma once

#include "infer/infer.h"

#include <stddef.h>

// Largest difference of any score in any mask and batch from expected [n_rows][n_outputs], as
// |a - b| / max(1, |b|); negative with err filled where the image does not open or columns differ.
double parity_difference(const void *image, size_t size, const float *rows, size_t n_rows,
	uint32_t n_columns, const float *expected, uint32_t n_outputs, struct error *err);
