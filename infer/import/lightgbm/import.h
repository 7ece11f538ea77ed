// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"
#include "infer/import/options.h"

// Is the file one of LightGBM's, as far as its beginning says?
bool lightgbm_recognises(const void *bytes, size_t size);
// Text, versions 2 to 4. The contract is that of import_model()
// (infer/import/import.h).
int import_lightgbm(const void *bytes, size_t size, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err);
