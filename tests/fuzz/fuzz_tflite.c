// SPDX-License-Identifier: BSD-3-Clause
// TensorFlow Lite: see import.h.
#include "infer/import/tflite/import.h"
#include "tests/fuzz/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_import(import_tflite, data, size);
}
