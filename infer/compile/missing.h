// SPDX-License-Identifier: BSD-3-Clause
// May a row have missing values? Decided by the graph as it was imported.
#pragma once

#include "base/error.h"
#include "infer/graph/graph.h"
#include "infer/graph/report.h"

// Sets graph->accepts_missing, if it is not, where a NaN of any input can only end in a comparison, in
// the filling of what IsNaN finds, or in trees whose file says where missing values go; or where it is
// `forced`. The report says it, and for a model that does handle missing values which node a NaN would
// reach all the same. -ENOMEM.
int missing_decide(
	struct graph *graph, bool forced, struct compile_report *report, struct error *err);
