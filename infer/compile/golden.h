// SPDX-License-Identifier: BSD-3-Clause
// Golden rows: rows with what the model must score, which the image carries, so that whoever opens
// it can see that this build on this CPU still does. Fields of the graph are set; memory is the
// graph's.
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"

#define GOLDEN_ROWS_LEAST 16
#ifndef GOLDEN_ROWS_MAX // less in the fuzzers' build
#define GOLDEN_ROWS_MAX 128
#endif

// The graphs below have passed graph_check().

// Takes up to GOLDEN_ROWS_MAX rows, or of a large model fewer, but GOLDEN_ROWS_LEAST (golden_rows.h:
// evenly spread and finite; drawn where there are none), and scores them with the graph as it was
// imported, on the scalar kernels. Rows
// whose scores are not finite are left out, and so are those whose scores hang by less than rounding
// (noise.h); others take their place as far as there are any. How far the scores may be off is noted
// unless the graph rounds by itself (graph_rounds).
// `closest`: half of them are those of the rows given whose decisions are closest (golden_rows.h).
int golden_fill(struct graph *graph, const float *rows, size_t n_rows, bool closest,
	struct compile_report *report, struct error *err);

// The same rows scored once more with the graph, which computes in fewer `bits` ("8 bits") what was
// computed in floats before: the golden outputs are its own from here on. The report says how far
// they are apart.
int golden_rescore(
	struct graph *graph, const char *bits, struct compile_report *report, struct error *err);
// Where floats are rounded to few bits (graph_rounds), the last bit of a float may decide between
// two steps of the result. Takes away the rows that the graph, which is finished, scores otherwise by
// one of this CPU's instruction sets. -EINVAL where that leaves fewer than half.
int golden_settle(struct graph *graph, struct compile_report *report, struct error *err);
