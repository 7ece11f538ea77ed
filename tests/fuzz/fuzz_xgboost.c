// SPDX-License-Identifier: BSD-3-Clause
// XGBoost's JSON, UBJSON and binary form: see import.h.
#include "infer/import/xgboost/import.h"
#include "tests/fuzz/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_import(import_xgboost, data, size);
}
