// SPDX-License-Identifier: BSD-3-Clause
// model_compile() (infer/infer.h) without the file.
#pragma once

#include "infer/infer.h"

// Makes an image of the bytes of a foreign model; `path` names the model and the sentences, nothing
// is opened there. `report` is added to, *image malloc'ed. 0, -EINVAL, -ENOTSUP, -ENOMEM, -EFBIG.
int compile_bytes(const char *path, const void *bytes, size_t size,
	const struct compile_options *options, void **image, size_t *image_size,
	struct compile_report *report, struct error *err);
