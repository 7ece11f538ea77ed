// SPDX-License-Identifier: BSD-3-Clause
// Importers: the bytes of a foreign model file to a graph. The graph owns all it holds; the bytes
// may go afterwards. Hostile bytes are refused with one sentence: -EINVAL not a sound file of its
// kind, -ENOTSUP sound but more than we support (operator and node named), -ENOMEM, -EFBIG.
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"

// `labels`: predicted classes are wanted among the outputs, not only the scores.
typedef int importer(const void *bytes, size_t size, bool labels, struct graph **graph,
	struct compile_report *report, struct error *err);
importer import_onnx;
importer import_xgboost;  // JSON and UBJSON, versions 0.90 to 3.x: gbtree, dart, gblinear
importer import_lightgbm; // text, versions 2 to 4
// Is the file one of theirs, as far as its beginning says?
bool xgboost_recognises(const void *bytes, size_t size);
bool lightgbm_recognises(const void *bytes, size_t size);

// What model_compile() does with a file's bytes once it has read them; `path` names the model and
// the sentences, nothing is opened there. `report` is added to, *image malloc'ed.
int compile_bytes(const char *path, const void *bytes, size_t size,
	const struct compile_options *options, void **image, size_t *image_size,
	struct compile_report *report, struct error *err);
