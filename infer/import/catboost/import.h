// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"
#include "infer/import/options.h"

// Is the text CatBoost's JSON, as far as the names in it say?
bool catboost_recognises(const void *bytes, size_t size);
// JSON, as save_model(path, format="json") writes it. The contract is that of import_model()
// (infer/import/import.h).
int import_catboost(const void *bytes, size_t size, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err);
