// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"
#include "infer/import/options.h"

// Is the file one of XGBoost's, as far as its beginning says?
bool xgboost_recognises(const void *bytes, size_t size);
// JSON, UBJSON and the binary form of 0.x to 3.0, versions to 3.x: gbtree, dart, gblinear. The contract is that of import_model()
// (infer/import/import.h).
int import_xgboost(const void *bytes, size_t size, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err);
