// SPDX-License-Identifier: BSD-3-Clause
// All passes over a graph, again and again until nothing is left to do.
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"

// Those of passes.h's PASS_LIST, until none finds more. 0 or a negative errno.
int passes_run(struct graph *graph, struct compile_report *report, struct error *err);
