// SPDX-License-Identifier: BSD-3-Clause
// flow features: flows of a capture become rows.
#pragma once

#include "ctl/tool/command.h"
#include "dataplane/flow/table.h"

#include <stdio.h>

struct flow_request {
	const char *path; // of the capture; "-" is standard input
	const char *out;
	const char *label; // columns beside the features; NULL: none
	const char *activity;
	bool partial;
	struct flow_table_options table;
};

// Writes the flows' features to `file` as a CSV with a header, and what was in the capture to standard error.
// Errors as capture_read().
int flow_make_rows(const struct flow_request *request, FILE *file, struct error *err);

extern const struct command flow_features_command;
