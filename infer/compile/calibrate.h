// SPDX-License-Identifier: BSD-3-Clause
// What rows teach about the inputs: scales for i8 and u8 rows. Fields of the graph are set; memory
// is the graph's.
#pragma once

#include "infer/graph/graph.h"

// rows f32 [n_rows][n_features], n_rows may be 0. Sets input_scale and input_zero for
//
//	x = (q - zero) * scale
//
// so that q from 0 to 127 spans each feature's range over the rows: those codes mean the same in i8
// and in u8. i8's negative codes then reach one range below, u8's upper ones one range above, so
// either dtype serves, with 7 bits inside the range seen. Without rows scale is 1 and zero 0: the
// codes are the values.
int calibrate_inputs(struct graph *graph, const float *rows, size_t n_rows, struct error *err);
