// SPDX-License-Identifier: BSD-3-Clause
// A foreign model's bytes all the way: importer, calibration, golden rows, passes, image; what
// opens as a model must score any bits on every instruction set. Calibration and golden rows are
// drawn by seed.
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"
#include "infer/import/options.h"

// For LLVMFuzzerTestOneInput(). Aborts on what must not be.
int fuzz_import(int (*import)(const void *bytes, size_t size, const struct import_options *options,
			struct graph **graph, struct compile_report *report, struct error *err),
	const uint8_t *data, size_t size);
