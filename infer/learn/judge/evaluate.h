// SPDX-License-Identifier: BSD-3-Clause
// Evaluation: a model from its file, judged on the rows of another. Which score says what, by the model and the rows:
//
//  - as many columns as class labels, 2 or more: a score a class, the largest decides (base/decision.h). Columns
//    beside them are left out where the classes' are called "...[label]", as compiling names them. Without labels the
//    classes are 0, 1, ..., or those of options->classes.
//  - one column, of two classes: the score of the second. It decides from 0.5 on, or from 0 where scores are not all
//    within 0..1 (margins).
//  - one column called "anomaly_score": from 1 on it is an anomaly.
//  - one column called "label", or by a name that ends so, or with more than two options->classes: the number of the class.
//  - any other column: a score of two classes where labels are texts, or all of them 0 or 1; a class's number, where all of them
//    and all scores are whole numbers from 0; else a number.
//
// Scores are probabilities where all are within 0..1 and, of several columns, each row's add up to 1 within 1e-3; of others
// there is no log loss, no Brier score and no calibration. A class is told from the rest where there are two, or
// options->positive or ->normal name one: of two the positive one is the other than "normal" or "benign", else the second.
#pragma once

#include "infer/learn/judge/verdict.h"
#include "infer/learn/watch.h"

// Judges the model at `path`, an image or a file that compiling reads. Free with verdict_fini(). -EINVAL, -ENOTSUP,
// -ENOMEM, -EDOM (a score is NaN or infinite, or what dataset_read() says), -ECANCELED.
int model_evaluate(const char *path, const struct evaluate_options *options,
	const struct learn_watch *watch, struct verdict *verdict, struct error *err);
