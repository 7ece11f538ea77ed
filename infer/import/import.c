// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/import.h"

#include "infer/import/lightgbm/import.h"
#include "infer/import/onnx/import.h"
#include "infer/import/xgboost/import.h"

int import_model(const void *bytes, size_t size, bool labels, struct graph **graph,
	struct compile_report *report, struct error *err)
{
	if (xgboost_recognises(bytes, size))
		return import_xgboost(bytes, size, graph, report, err);
	if (lightgbm_recognises(bytes, size))
		return import_lightgbm(bytes, size, graph, report, err);
	return import_onnx(bytes, size, labels, graph, report, err);
}
