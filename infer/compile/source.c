// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/source.h"

#include "infer/compile/apart.h"
#include "infer/compile/batch.h"
#include "infer/compile/missing.h"
#include "infer/compile/names.h"
#include "infer/compile/outputs.h"
#include "infer/import/import.h"

int source_import(const char *path, bool folder, const void *bytes, size_t size,
	const struct compile_options *options, struct graph **graph, struct compile_report *report,
	struct error *err)
{
	const struct import_options import = {
		.labels = options->outputs != NULL,
		.path = folder ? path : NULL,
		.beside = apart_beside(),
		.rounds = options->rounds,
		.thresholds = options->thresholds,
		.shapes = options->shapes,
		.fixed = options->fixed,
		.features = names_count(options->feature_names),
	};
	int rc = batch_import(bytes, size, &import, graph, report, err);

	if (rc == 0 && options->outputs)
		rc = outputs_select(*graph, options->outputs, err);
	if (rc == 0)
		rc = missing_decide(*graph, options->accept_missing, report, err);
	if (rc != 0)
		error_prefix(err, "%s", path);
	return rc;
}
