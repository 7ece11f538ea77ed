// SPDX-License-Identifier: BSD-3-Clause
// What an image carries beside the operators and what rows teach: scales for i8 and u8 rows,
// golden rows. Fields of the graph are set; memory is the graph's.
#pragma once

#include "infer/graph.h"
#include "infer/import/report.h"

#define GOLDEN_ROWS_MAX 16

// rows f32 [n_rows][n_features], n_rows may be 0. Sets input_scale and input_zero for
//
//	x = (q - zero) * scale
//
// so that q from 0 to 127 spans each feature's range over the rows: those codes mean the same in i8
// and in u8. i8's negative codes then reach one range below, u8's upper ones one range above, so
// either dtype serves, with 7 bits inside the range seen. Without rows scale is 1 and zero 0: the
// codes are the values.
int calibrate_inputs(struct graph *graph, const float *rows, size_t n_rows, struct error *err);

// Takes up to GOLDEN_ROWS_MAX rows (evenly spread and finite; drawn by a fixed seed where there are
// none) and scores them with `image`, the graph as it was imported, on the scalar kernels.
// Rows whose scores are not finite are left out.
int golden_fill(struct graph *graph, const void *image, size_t image_size, const float *rows,
	size_t n_rows, struct compile_report *report, struct error *err);
