// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"
#include "infer/import/options.h"

// Is it a flatbuffer that says it is TensorFlow Lite's?
bool tflite_recognises(const void *bytes, size_t size);
// Schema version 3, in floats, 8 bits, or weights of 8 bits or half floats. The contract is that of
// import_model() (infer/import/import.h).
int import_tflite(const void *bytes, size_t size, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err);
