// SPDX-License-Identifier: BSD-3-Clause
// Pruning: a model with fewer weights, units, channels or trees that still decides right.
#pragma once

#include "infer/learn/data/dataset.h"
#include "infer/learn/prune/prune_options.h"
#include "infer/learn/watch.h"

extern const char *const PRUNE_METHOD_NAMES[PRUNE_METHODS];

// Prunes a model, an image or a foreign file, by the labelled rows of a file. *image is malloc'ed. `result` may be
// NULL. -ECANCELED: the watch ended it, and there is no image; -EDOM: not even the first step keeps to the loss,
// and err says what it costs; -EINVAL, -ENOTSUP (nothing there to prune), -ENOMEM.
int model_prune(const char *model, const char *rows, const struct dataset_options *read,
	const struct prune_options *options, const struct learn_watch *watch, void **image,
	size_t *size, struct prune_result *result, struct compile_report *report,
	struct error *err);
