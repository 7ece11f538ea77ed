// SPDX-License-Identifier: BSD-3-Clause
// Rows with what is known of each: what is learnt from, judged by, and calibrated with. One reader for train,
// eval, prune, quantise, distil and compress.
//
// Owner: the caller, one thread; once it is read nothing changes, and any number of threads may read it.
#pragma once

#include "base/error.h"
#include "base/rows_options.h"
#include "infer/infer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dataset_target {
	DATASET_NONE,    // rows alone
	DATASET_CLASSES, // each row bears a class, or none
	DATASET_NUMBERS, // each row bears a number
};

struct dataset {
	size_t n_rows;
	uint32_t n_features;
	const float *values; // [n_rows][n_features]; NaN: missing. Of a big file in a mapped file.
	const char *const *feature_names; // [n_features]
	enum dataset_target target;
	const int32_t *classes; // [n_rows], -1: the row bears no label; NULL of other targets
	const float *numbers;   // [n_rows]; NULL of other targets
	const char *const *class_labels; // [n_classes]
	uint32_t n_classes;
	const float *weights;            // [n_rows] of the rows, all above 0; NULL: 1 each
	const struct model_texts *texts; // [n_texts] features that were text: their categories
	uint32_t n_texts;
	uint8_t sha256[32]; // of the values, classes, numbers and weights as they are here
	const char *path;   // as the operator gave it
	struct dataset_memory *memory; // what owns all of it: dataset.c's
};

struct dataset_options {
	struct rows_options rows;
	const char *
		label; // the column by its name or its number from 1; NULL: "label", "class" or "target", if there is one
	const char *weight;         // the column of the rows' weights; NULL: none
	enum dataset_target target; // DATASET_NONE: whatever is in the label column is not read
	bool keep_missing;          // NaN stays; else a missing value is refused, by row and column
	// The features, classes and categories must be this model's, whose names are looked for in the header
	// in any order; NULL: the file says what there is. Unseen labels and texts are then refused by row.
	const struct model_info *model;
};

// Reads a file. Texts become numbers by `texts`, which the file makes itself where no model is given: in order of
// first appearance of numeric columns none, of columns with text all of them. Errors are sentences with file, line
// and column. -EINVAL, -EFBIG, -ENOMEM, -EDOM.
int dataset_read(const char *path, const struct dataset_options *options, struct dataset *set,
	struct error *err);
void dataset_fini(struct dataset *set); // a zeroed one is fine

// Some rows of a set, in this order.
struct dataset_part {
	const struct dataset *set;
	uint32_t *index; // [n], malloc'ed
	size_t n;
};

// Divides the rows into two parts by `seed`: `share` of each class (of all rows, where there are no classes) goes
// to `second`, at least one row of each class to either where it has two. Rows without a label go to `first`.
// The same seed and rows give the same parts. Free with dataset_part_fini(). -EINVAL where a part is empty, -ENOMEM.
int dataset_split(const struct dataset *set, double share, uint64_t seed,
	struct dataset_part *first, struct dataset_part *second, struct error *err);
// All rows. -ENOMEM.
int dataset_all(const struct dataset *set, struct dataset_part *part, struct error *err);
void dataset_part_fini(struct dataset_part *part);
