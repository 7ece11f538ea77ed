// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/import.h"

#include "infer/import/lightgbm/import.h"
#include "infer/import/onnx/import.h"
#include "infer/import/xgboost/import.h"

#include <sodium.h>

int import_model(const void *bytes, size_t size, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err)
{
	int rc;

	if (xgboost_recognises(bytes, size))
		rc = import_xgboost(bytes, size, options, graph, report, err);
	else if (lightgbm_recognises(bytes, size))
		rc = import_lightgbm(bytes, size, options, graph, report, err);
	else
		return import_onnx(bytes, size, options, graph, report, err);
	if (rc == 0)
		crypto_hash_sha256((*graph)->source_sha256, bytes, size);
	return rc;
}
