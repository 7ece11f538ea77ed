// SPDX-License-Identifier: BSD-3-Clause
// A foreign model's bytes as a graph: imported, with the outputs that are wanted.
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"

#define SOURCE_BYTES_MAX ((size_t)1 << 30) // of its file

// Of `options` what an importer is told. `folder`: may files beside `path` be read? The bytes may go afterwards.
// The caller destroys *graph, also after a failure, where it may be NULL. Sentences begin with `path`. Errors as
// import_model()'s.
int source_import(const char *path, bool folder, const void *bytes, size_t size,
	const struct compile_options *options, struct graph **graph, struct compile_report *report,
	struct error *err);
