// SPDX-License-Identifier: BSD-3-Clause
// model_compile() (infer/infer.h) without the file, and without a foreign model.
#pragma once

#include "infer/graph/graph.h"
#include "infer/infer.h"

// Makes an image of the bytes of a foreign model; `path` names the model and the sentences, nothing
// is opened there. `report` is added to, *image malloc'ed. 0, -EINVAL, -ENOTSUP, -ENOMEM, -EFBIG.
int compile_bytes(const char *path, const void *bytes, size_t size,
	const struct compile_options *options, void **image, size_t *image_size,
	struct compile_report *report, struct error *err);

// Rows of a model's features in memory.
struct compile_rows {
	const float *values; // [n_rows][n_features]
	size_t n_rows;
};

// Makes an image of a graph that no file gave: one that was learnt here, or read from an image (load.h) and
// changed. The same way as an imported one's, golden rows included, which the graph before the passes scores
// anew; its name, source_kind, source_sha256, class_labels and accepts_missing are set already, and names of
// features where it has them. `rows`, as the graph takes them, n_rows 0: none, are what the golden rows, the
// scales of i8 and u8 rows, unless the graph has some, and the histograms come from; options->rows_path and its like are not looked at.
// The graph is destroyed in any case. *image is malloc'ed. -EINVAL, -ENOTSUP, -ENOMEM.
int compile_graph(struct graph *graph, const struct compile_rows *rows,
	const struct compile_options *options, void **image, size_t *image_size,
	struct compile_report *report, struct error *err);
