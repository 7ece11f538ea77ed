// SPDX-License-Identifier: BSD-3-Clause
// What is judged: a model's scores beside the truth of the rows, and which of them says what. evaluate.h has the rules.
#pragma once

#include "infer/learn/judge/judge.h"
#include "infer/learn/judge/verdict.h"
#include "infer/learn/watch.h"

#define SUBJECT_CLASSES_MAX 65536 // that a column of labels may say

struct subject {
	const struct evaluate_options *options;
	const struct model *model;
	const struct model_info *info;
	struct verdict *verdict;         // what is known goes there
	const struct learn_watch *watch; // NULL: nobody watches
	struct dataset set;
	bool has_read;                    // the file
	uint32_t first_column, n_columns; // of the outputs, that are judged
	float *scores;                    // [n][n_columns] of the rows that bear a label
	int32_t *of_set;                  // [n] their classes as the set has them
	float *numbers;                   // [n]
	int32_t *truth, *predicted, *is, *says;
	double *positive_scores; // [n]
	double *weights, *log_loss, *brier, *confidence;
	uint8_t *right;
	int32_t positive; // the class that is positive, -1: there is none
	bool inverted;    // its score falls with that of another class
	bool plain;       // its score is a column as it is, and so a float
	struct judged judged;
};

// Reads the rows and scores those that bear a label. `subject` is zeroed but for its first five members. Free with
// subject_fini(). Errors as model_evaluate()'s.
int subject_read(struct subject *subject, struct error *err);
void subject_fini(struct subject *subject);
int subject_no_memory(const struct subject *subject, struct error *err); // -ENOMEM
