// SPDX-License-Identifier: BSD-3-Clause
// ONNX: see import.h.
#include "infer/import/onnx/import.h"
#include "tests/fuzz/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int import_scores(const void *bytes, size_t size, struct graph **graph,
	struct compile_report *report, struct error *err)
{
	return import_onnx(
		bytes, size, &(struct import_options){ .labels = false }, graph, report, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_import(import_scores, data, size);
}
