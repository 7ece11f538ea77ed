// SPDX-License-Identifier: BSD-3-Clause
// Training: from a file of rows to an image.
#pragma once

#include "infer/infer.h"
#include "infer/learn/data/dataset.h"
#include "infer/learn/train/train_options.h"
#include "infer/learn/watch.h"

// What is learnt from what.
struct train_request {
	const char *rows_path;
	struct dataset_options rows; // target, keep_missing and take_unknown are not looked at
	bool refuse_unknown;         // other texts than those of the rows; else they are taken
	enum fill fill;              // of missing values, by kinds that have no place for them
	bool numbers;                // the label is a number that is to be predicted
	const char *validation_path; // rows to judge by; NULL: a share of the others
	double validation_share;     // 0: none
	const char *
		normal; // of anomaly scores: the class of the rows that are learnt from; NULL: all rows are
	const char *name; // of the model; NULL: the stem of `stem`
	const char *stem;
	bool onnx; // is the model wanted as ONNX, too?
	struct train_options options;
};

struct train_made {
	void *image, *onnx; // malloc'ed; onnx NULL: not wanted
	size_t image_size, onnx_size, n_rows, n_validation;
};

// Reads the rows, learns from them and makes an image. `report` is added to. -ECANCELED: the watch ended it; made->image
// is what was learnt so far, of trees where no checkpoint is kept, else NULL; -EINVAL rows or options that do not do, -EDOM it diverged, -ENOTSUP operators that ONNX has none of,
// -ENOMEM, or what reading said.
int train_model(const struct train_request *request, const struct learn_watch *watch,
	struct train_made *made, struct compile_report *report, struct error *err);
void train_made_fini(struct train_made *made);
// Kind number `index` from 0: "dense", ...; NULL behind the last.
const char *train_kind(size_t index);
