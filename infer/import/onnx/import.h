// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"
#include "infer/import/options.h"

#include "onnx.pb-c.h"

// ONNX of the opsets that operators.c names. The contract is that of import_model() (infer/import/import.h).
int import_onnx(const void *bytes, size_t size, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err);
// The same of a model that another importer wrote: it and all that it points to stay the caller's. The graph
// bears no hash, and the report has no line of what was read.
int import_onnx_proto(Onnx__ModelProto *model, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err);
