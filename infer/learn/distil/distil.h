// SPDX-License-Identifier: BSD-3-Clause
// Distillation: a model that scores teaches a small one to score alike.
//
// G. Hinton, O. Vinyals, J. Dean, "Distilling the knowledge in a neural network", 2015.
#pragma once

#include "infer/learn/data/dataset.h"
#include "infer/learn/distil/distil_options.h"
#include "infer/learn/distil/distil_result.h"
#include "infer/learn/watch.h"

// Teaches by the rows of a file, whose labels, if it has any, are the teacher's classes. `teacher`: an image or a
// foreign model. *image is malloc'ed. `result` may be NULL. -ECANCELED: the watch ended it, and there is no
// image; -EINVAL, -EDOM, -ENOENT (XGBoost's library), -ENOMEM.
int model_distil(const char *teacher, const char *rows, const struct dataset_options *read,
	const struct distil_options *options, const struct learn_watch *watch, void **image,
	size_t *size, struct distil_result *result, struct compile_report *report,
	struct error *err);
