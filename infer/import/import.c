// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/import.h"
#include "base/sha256.h"

#include "infer/import/catboost/import.h"
#include "infer/import/foreign.h"
#include "infer/import/lightgbm/import.h"
#include "infer/import/onnx/import.h"
#include "infer/import/onnx/operators.h"
#include "infer/import/tflite/import.h"
#include "infer/import/tflite/operators.h"
#include "infer/import/xgboost/import.h"

#include <jansson.h>
#include <string.h>

// Where a text begins: editors write a mark of their encoding before it, which no model begins with.
static size_t import_byte_order_mark(const void *bytes, size_t size)
{
	static const char MARK[3] = { '\xef', '\xbb', '\xbf' };

	return size >= sizeof(MARK) && memcmp(bytes, MARK, sizeof(MARK)) == 0 ? sizeof(MARK) : 0;
}

bool model_operator(size_t index, struct model_operator *op)
{
	size_t n = 0;

	if (onnx_operator_listed(index, op))
		return true;
	while (onnx_operator_listed(n, op))
		n++;
	return tflite_operator_listed(index - n, op);
}

typedef bool import_recogniser(const void *bytes, size_t size);
typedef int importer(const void *bytes, size_t size, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err);

// In the order in which they are asked. None of them knows its file's hash.
static const struct import_kind {
	import_recogniser *recognises;
	importer *import;
	bool has_rounds; // of trees
} KINDS[] = {
	{ tflite_recognises, import_tflite, false },
	{ catboost_recognises, import_catboost, true },
	{ xgboost_recognises, import_xgboost, true },
	{ lightgbm_recognises, import_lightgbm, true },
};

static const struct import_kind *import_kind_of(const void *bytes, size_t size)
{
	for (size_t i = 0; i < sizeof(KINDS) / sizeof(*KINDS); i++) {
		if (KINDS[i].recognises(bytes, size))
			return &KINDS[i];
	}
	return NULL;
}

int import_model(const void *bytes, size_t size, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err)
{
	const size_t mark = import_byte_order_mark(bytes, size);
	const char *text = size > 0 ? (const char *)bytes + mark : "";
	const size_t length = size - mark;
	const struct import_kind *kind = import_kind_of(text, length);
	int rc;

	if (kind)
		rc = kind->import(text, length, options, graph, report, err);
	else
		rc = import_onnx(text, length, options, graph, report, err);
	if (rc == 0 && !(kind && kind->has_rounds) && options->rounds != ROUNDS_BEST &&
		options->rounds != ROUNDS_ALL) {
		graph_destroy(*graph);
		*graph = NULL;
		return error_set(err, -EINVAL,
			"%s file does not say which trees make a round: their number is for "
			"XGBoost, LightGBM and CatBoost",
			kind ? "a TensorFlow Lite" : "an ONNX");
	}
	if (rc == 0 && kind && !options->unhashed)
		sha256_of((*graph)->source_sha256, bytes, size);
	// The names in a network of TensorFlow's are those of its other files.
	if (rc != 0 && rc != -ENOMEM && !(kind && kind->import == import_tflite))
		foreign_refuse(text, length, err);
	return rc != 0 ? err->code : 0;
}

void import_prepare(void)
{
	json_object_seed(0);
}
