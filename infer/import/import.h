// SPDX-License-Identifier: BSD-3-Clause
// From the bytes of a foreign model file to a graph.
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"
#include "infer/import/options.h"

// By what is in the file: XGBoost's JSON or UBJSON, LightGBM's text, CatBoost's JSON, TensorFlow Lite's
// flatbuffer, or else ONNX, which has no mark
// of its own. `options` is not NULL.
//
// The graph owns all it holds; the bytes may go afterwards. It bears the SHA-256 of all that was
// read. Hostile bytes are refused with one sentence: -EINVAL not a sound file of its kind, -ENOTSUP
// sound but more than we support (operator and node named), -ENOMEM, -EFBIG. err is not NULL, and
// err->code is what is returned.
int import_model(const void *bytes, size_t size, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err);

// Has the libraries that parse read from the system now what they read once: jansson's seed. Afterwards importing
// opens nothing but what it is told to, as in a process that may open nothing (infer/compile/apart.h).
void import_prepare(void);
