// SPDX-License-Identifier: BSD-3-Clause
// What a dataset is, and the options by which one is read (dataset.h). No file of code belongs to it.
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

// What becomes of missing values where a model has no place for them (fill.h). "refuse|mean|median"
enum fill { FILL_NONE, FILL_MEAN, FILL_MEDIAN };

struct dataset {
	size_t n_rows;
	uint32_t n_features;
	const float *values; // [n_rows][n_features]; NaN: missing. Of a big file in a mapped file.
	const char *const *feature_names; // [n_features]; x0, x1, ... where the file has no names
	enum dataset_target target;
	const int32_t *classes; // [n_rows], -1: the row bears no label; NULL of other targets
	const float *numbers;   // [n_rows], NaN: the row bears none; NULL of other targets
	// [n_classes]. The model's, if it has any; else the groups that rows are in, as they were given, then the
	// other labels, sorted: as numbers where all are numbers ("1.0" and "1" are one class, "1"), else by
	// bytes, as scikit-learn's LabelEncoder does.
	const char *const *class_labels;
	uint32_t n_classes;
	size_t n_unlabelled;  // rows that bear none
	const float *weights; // [n_rows] of the rows, all above 0; NULL: 1 each
	// [n_texts], by ascending feature: those that are text, and their categories, sorted as labels are.
	// With rows that give a value none of them, or none at all, it is as struct model_texts says.
	const struct model_texts *texts;
	uint32_t n_texts;
	uint32_t
		n_one_hot; // the last features, which are 0 or 1: categories as one_hot.h spreads them
	uint8_t sha256[32]; // of the shape, values, classes, numbers and weights as they are here
	const char *path;   // as the operator gave it
	const char *const
		*notes; // [n_notes] what the user should know of how it was read: sentences
	uint32_t n_notes;
	struct dataset_memory *memory; // what owns all of it: dataset.c's
};

struct dataset_options {
	struct rows_options rows;
	// The column by its name or its number from 1, also of a .npy or .f32. NULL: the column of a CSV that is
	// called "label", "class" or "target", or the only one that is called as labels are (rows_columns.c).
	const char *label;
	const char *labels_path; // or a file with one label a row: .csv of one column, .npy, .f32
	const char *weight;      // the column of the rows' weights; NULL: none
	// "attack=neptune,smurf;normal;other=*": labels that are one class. A name alone is a class of that label; *
	// is all labels that are in no other group; without it these are classes of their own. NULL: none.
	const char *group;
	enum dataset_target target; // DATASET_NONE: whatever is in the label column is not read
	bool allow_unlabelled; // rows may bear no label, and the file no column of them (target is NONE then)
	bool allow_one_class; // else refused, unless there is a model
	bool keep_missing; // NaN stays, unless the model takes none; else refused, by line and column
	bool take_unknown; // the texts are made so that other texts than these are taken (takes_unknown)
	uint32_t
		memory_mib; // of values; beyond, they are in a file below TMPDIR. 0: DATASET_MEMORY_MIB
	// The features, classes and categories must be this model's, whose names are looked for in the header
	// in any order; NULL: the file says what there is. Unseen labels and texts are then refused by line.
	// It must stay open as long as the dataset.
	const struct model_info *model;
};

#define DATASET_MEMORY_MIB 256
#define DATASET_TEXTS_MAX  1024 // different texts of a column that --categories does not name

// The entries of a command that reads rows with labels; `member` of the struct `type` is a dataset_options.
#define DATASET_OPTIONS(type, member)                                                              \
	{ "label", 0, "COLUMN", "the label's column: its name, or its number from 1 (label)",      \
		OPTION_TO_TEXT(type, member.label) },                                              \
		{ "labels", 0, "FILE",                                                             \
			"the labels by themselves: .csv of one column, .npy or .f32",              \
			OPTION_TO_TEXT(type, member.labels_path) },                                \
		{ "group", 0, "A=B,C;D=*", "labels that are one class; * is all others",           \
			OPTION_TO_TEXT(type, member.group), .needs = "classes" },                  \
		{ "weight", 0, "COLUMN", "the column of the rows' weights (1 each)",               \
			OPTION_TO_TEXT(type, member.weight) },                                     \
		{ "categories", 0, "COLUMNS",                                                      \
			"columns of a CSV whose numbers are categories, too; columns of text are", \
			OPTION_TO_TEXT(type, member.rows.categories) },                            \
		{ "rows-memory", 0, "MIB", "rows beyond it are kept in a file below TMPDIR (256)", \
			OPTION_TO_U32(type, member.memory_mib, 1, 1048576) },                      \
		ROWS_OPTIONS(type, member.rows)
