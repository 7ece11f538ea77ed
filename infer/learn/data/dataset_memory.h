// SPDX-License-Identifier: BSD-3-Clause
// A dataset while it is read, and what owns it afterwards. Private to infer/learn's dataset*.c; no file of code
// belongs to it.
#pragma once

#include "infer/learn/data/dataset_types.h"
#include "infer/learn/data/float_store.h"
#include "infer/learn/data/labels.h"

#include <errno.h>

struct arena;

// What a column is, by its first value, or as --categories says.
enum column_kind { COLUMN_UNDECIDED, COLUMN_NUMBERS, COLUMN_TEXTS, COLUMN_CATEGORIES };

struct dataset_column {
	enum column_kind kind;
	struct text_set categories;
};

// A number for each row, as rows come.
struct dataset_list {
	union {
		int32_t *classes;
		float *numbers;
	};
	size_t n, capacity;
};

struct dataset_memory {
	const struct dataset_options *options;
	const char *path;
	const struct model_info *model;
	bool keep_missing;
	struct dataset *set;
	struct arena *arena;
	struct float_store store;
	struct dataset_column *columns; // [n_features]; NULL: not known yet
	uint32_t n_features;
	struct labels labels;
	struct dataset_list labelled, weights;
	uint32_t label_text, weight_text; // of the file's text columns; UINT32_MAX: none is it
	uint32_t label_at, weight_at;     // of a matrix without names its columns, from 0; likewise
	float *row;                       // [n_features] of such a matrix
};

static inline int dataset_no_memory(const char *path, struct error *err)
{
	return error_set(err, -ENOMEM, "%s: out of memory", path);
}
