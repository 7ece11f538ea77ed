// SPDX-License-Identifier: BSD-3-Clause
// LightGBM's text: see import.h.
#include "infer/import/lightgbm/import.h"
#include "tests/fuzz/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_import(import_lightgbm, data, size);
}
