// SPDX-License-Identifier: BSD-3-Clause
// What model eval found, and as JSON; docs/martletctl.1 has its keys.
#pragma once

#include "base/caches.h"
#include "infer/learn/judge/verdict.h"

struct eval_result {
	const struct evaluate_options *options;
	const struct verdict *verdicts;
	uint32_t n;
	unsigned batches; // whose time is shown: a bit for each MODEL_BATCH_CLASS
	const char *isa;
	struct caches caches;
	// Of each model but the first, how its figures differ from the first's on the same samples; NULL: no samples.
	const double *difference_low, *difference_high; // [n][FIGURES]
};

// Returns an enum tool_exit.
int eval_print_json(const struct eval_result *result);
// The key of a figure, "accuracy".
const char *eval_figure_key(enum figure figure);
// The precision and so on of a threshold: of `all`, what the lowest decides.
struct eval_rates {
	double precision, recall, f1, false_positive_rate;
};
struct eval_rates eval_rates(const struct ranking_point *point, const struct ranking_point *all);
