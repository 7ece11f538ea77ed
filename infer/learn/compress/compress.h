// SPDX-License-Identifier: BSD-3-Clause
// Compression: the search for the smallest way to decide as a model does, among what prunes, distils and quantises,
// measured on this CPU.
#pragma once

#include "infer/learn/compress/compress_options.h"
#include "infer/learn/data/dataset.h"
#include "infer/learn/watch.h"

// `model`: an image or a foreign file; `rows`: labelled rows. *image is malloc'ed: the fastest of all trials that meets
// the bounds, with its lineage, and golden rows where decisions are closest. If the watch ends the search, it is the
// best so far. -EDOM: no trial meets the bounds, and err says the nearest that does; -ECANCELED: interrupted before any
// did. Files in between are in a folder below TMPDIR that is taken away again. -EINVAL, -ENOMEM, what the files say.
int model_compress(const char *model, const char *rows, const struct dataset_options *read,
	const struct compress_options *options, const struct learn_watch *watch, void **image,
	size_t *size, struct compress_result *result, struct compile_report *report,
	struct error *err);
