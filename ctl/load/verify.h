// SPDX-License-Identifier: BSD-3-Clause
// Whether a reply is the right one: its fields are compared with the request, its scores with
// expectations. The scores themselves are kept in the order of the rows. One thread.
#pragma once

#include "base/error.h"
#include "base/rows.h"
#include "ctl/load/frame.h"
#include "ctl/load/options.h"

#include <stdbool.h>
#include <stdint.h>

struct verifier_expectation {
	uint16_t version; // 0: any
	struct rows rows;
};

struct verifier {
	struct verifier_expectation expected[LOAD_EXPECT_MAX];
	uint32_t n_expected;
	double tolerance;
	uint32_t n_rows;
	bool keep_scores;
	float *scores; // [n_rows][columns] once the first reply has told the columns; NaN: none yet
	uint32_t columns;
	double max_difference; // of all scores compared
};

struct verifier_request { // what was asked
	uint8_t reply_type;
	uint16_t model, model_version;
	uint32_t first_row, n_rows;
};

enum verdict {
	VERDICT_RIGHT,
	VERDICT_WRONG_FIELDS, // model, version, type, rows or columns are not what was asked for
	VERDICT_MISMATCH,     // at least one score is not the one expected
	VERDICT_UNEXPECTED_VERSION, // expectations were given, none for the version that answered
};

// Reads the expectations. Errors: those of rows_read, -EINVAL where their rows are not n_rows.
int verifier_init(struct verifier *verifier, const struct load_options *options, uint32_t n_rows,
	struct error *err);
void verifier_fini(struct verifier *verifier);
enum verdict verifier_check(struct verifier *verifier, const struct verifier_request *request,
	const struct frame_reply *reply);
// Writes the scores that were kept. -ENODATA where no reply carried any.
int verifier_write_scores(const struct verifier *verifier, const char *path, struct error *err);
