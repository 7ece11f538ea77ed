// SPDX-License-Identifier: BSD-3-Clause
// Distillation: a model that scores teaches a small one to score alike.
//
// G. Hinton, O. Vinyals, J. Dean, "Distilling the knowledge in a neural network", 2015.
#pragma once

#include "infer/learn/data/dataset.h"
#include "infer/learn/distil/distil_options.h"
#include "infer/learn/watch.h"

struct distil_side {         // the teacher or the student
	double f1, accuracy; // macro F1 of the rows held back that bear a label; NaN: none do
	double ns_per_row[MODEL_BATCH_CLASSES];
	size_t image_bytes;
};

struct distil_result {
	size_t n_taught, n_drawn, n_held,
		n_left_out; // rows; the last: the student or teacher has no score of them
	double agreement;   // share of the rows held back that both decide the same
	const char *agreed; // how that was decided: a sentence's end
	struct distil_side teacher, student;
};

// Teaches by the rows of a file, whose labels, if it has any, are the teacher's classes. `teacher`: an image or a
// foreign model. *image is malloc'ed. `result` may be NULL. -ECANCELED: the watch ended it, and there is no
// image; -EINVAL, -EDOM, -ENOENT (XGBoost's library), -ENOMEM.
int model_distil(const char *teacher, const char *rows, const struct dataset_options *read,
	const struct distil_options *options, const struct learn_watch *watch, void **image,
	size_t *size, struct distil_result *result, struct compile_report *report,
	struct error *err);
