// SPDX-License-Identifier: BSD-3-Clause
// Foreign models in a child process (base/sandbox/): model_compile() and graph_load() by their files' bytes, where
// model_parse_apart() (infer/infer.h) asked for it. What comes back is an image, checked as any image is.
#pragma once

#include "infer/import/options.h"
#include "infer/infer.h"

#include <stdio.h>

// Whether it was asked for, and this is not such a child.
bool apart_is_wanted(void);

// The work, in the child: an image of `bytes`, with the open files that stand in for options' paths.
struct apart_rows {
	FILE *rows, *reference; // NULL: none
};
typedef int apart_work(const char *path, const void *bytes, size_t size,
	const struct compile_options *options, const struct apart_rows *rows, void **image,
	size_t *image_size, struct compile_report *report, struct error *err);

// Has it done. *image is malloc'ed, at an address that is a multiple of 64; the report has its lines, and its figures.
// 0, what the work said, or what sandbox_run() says.
int apart_run(apart_work *work, const char *path, const void *bytes, size_t size,
	const struct compile_options *options, void **image, size_t *image_size,
	struct compile_report *report, struct error *err);

// In the child: how an importer comes by files beside the model. NULL elsewhere.
const struct import_beside *apart_beside(void);
