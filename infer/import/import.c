// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/import.h"
#include "base/sha256.h"

#include "infer/import/catboost/import.h"
#include "infer/import/foreign.h"
#include "infer/import/lightgbm/import.h"
#include "infer/import/onnx/import.h"
#include "infer/import/xgboost/import.h"

#include <string.h>

// Where a text begins: editors write a mark of their encoding before it, which no model begins with.
static size_t import_byte_order_mark(const void *bytes, size_t size)
{
	static const char MARK[3] = { '\xef', '\xbb', '\xbf' };

	return size >= sizeof(MARK) && memcmp(bytes, MARK, sizeof(MARK)) == 0 ? sizeof(MARK) : 0;
}

typedef bool import_recogniser(const void *bytes, size_t size);
typedef int importer(const void *bytes, size_t size, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err);

// Texts and JSON, in the order in which they are asked. None of them knows its file's hash.
static const struct import_kind {
	import_recogniser *recognises;
	importer *import;
} KINDS[] = {
	{ catboost_recognises, import_catboost },
	{ xgboost_recognises, import_xgboost },
	{ lightgbm_recognises, import_lightgbm },
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
	if (rc == 0 && !kind && options->rounds != ROUNDS_BEST && options->rounds != ROUNDS_ALL) {
		graph_destroy(*graph);
		*graph = NULL;
		return error_set(err, -EINVAL,
			"an ONNX file does not say which trees make a round: their number is for "
			"XGBoost, LightGBM and CatBoost");
	}
	if (rc == 0 && kind && !options->unhashed)
		sha256_of((*graph)->source_sha256, bytes, size);
	if (rc != 0 && rc != -ENOMEM)
		foreign_refuse(text, length, err);
	return rc != 0 ? err->code : 0;
}
