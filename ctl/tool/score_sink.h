// SPDX-License-Identifier: BSD-3-Clause
// Scores as they come, in the order of their rows, kept in a file without a name until all are there; and why
// rows have none. One thread.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SCORE_FAILED_MAX 10000u // rows that may fail before nothing more is asked
#define SCORE_WHY_BYTES  200

struct score_failed {
	uint64_t row; // from 0
	char why[SCORE_WHY_BYTES];
};

struct score_sink {
	FILE *file; // f32 [n_rows][n_outputs]; NaN where a row failed
	uint64_t n_rows;
	uint32_t n_outputs;
	struct score_failed *failed; // [n_failed], rising
	uint32_t n_failed;
	uint32_t versions[2]; // that scored: the first, and another one; 0: none
};

int score_sink_open(struct score_sink *sink, struct error *err);
void score_sink_close(struct score_sink *sink); // a zeroed one is fine
// That version has scored some of it.
void score_sink_note_version(struct score_sink *sink, uint32_t version);
// All of these: 0, or a negative errno with a sentence.
int score_sink_put(struct score_sink *sink, const float *scores, uint32_t n, struct error *err);
int score_sink_fail(struct score_sink *sink, const char *why, struct error *err); // one row

// Writes all that was put to `path` (.csv, .npy or .f32), whole or not at all; NULL or "-": CSV, or with --json
// JSON, on standard output. `names` [n_outputs] may be NULL. Where rows failed a CSV has a column more, "error".
int score_sink_write(struct score_sink *sink, const char *path, const char *model,
	const char *const *names, struct error *err);
