// SPDX-License-Identifier: BSD-3-Clause
// Rows as a CSV in a body, and scores as one: read and written as martletctl reads and writes files of
// them. Any thread.
#pragma once

#include "ctl/server/scoring/bytes.h"
#include "infer/infer.h"

enum csv_header { CSV_HEADER_TOLD_BY_IT, CSV_HEADER_PRESENT, CSV_HEADER_ABSENT };

#define CSV_NOTE_BYTES 224 // of a header's value

// *rows [*n][n_features], malloc'ed; `note`: what the user should know of how it was read, or "".
// -EINVAL, -E2BIG, -ENOMEM.
int csv_rows_parse(const char *body, size_t size, enum csv_header header,
	const struct model_info *info, float **rows, uint32_t *n, char note[CSV_NOTE_BYTES],
	struct error *err);
// -ENOMEM.
int csv_rows_write(const struct model_info *info, const float *scores, uint32_t n,
	struct bytes *answer, struct error *err);
