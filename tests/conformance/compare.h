// SPDX-License-Identifier: BSD-3-Clause
// Files' tensors to rows, and scores against files' tensors.
#pragma once

#include "infer/graph/graph.h"
#include "tests/conformance/tensors.h"

struct compare_ports {
	const struct tensors *files;
	const struct graph_port *ports; // [files->n]
	uint32_t columns;               // of a row
	uint32_t rows;                  // that the files hold: their first dimension
};

// The same shape, the first dimension `rows` times as long.
bool compare_shapes(const struct tensor *file, const struct tensor *ours, uint32_t rows);
// Rows f32 [rows * copies][columns]: all of the files' rows, then all of them again.
void compare_fill(const struct compare_ports *inputs, uint32_t copies, float *rows);
// False: a whole number among them that float32 has not.
bool compare_fits(const struct compare_ports *inputs);
// Whole numbers and truth exactly; floats to 1e-5 * max(1, |expected|), or else, *loose set, to
// what the ONNX project's runner asks: 1e-3 * |expected| + 1e-7. False: `err` says where they
// differ.
bool compare_scores(const struct compare_ports *outputs, uint32_t copies, const float *scores,
	bool *loose, struct error *err);
