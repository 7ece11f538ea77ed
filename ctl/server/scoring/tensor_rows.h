// SPDX-License-Identifier: BSD-3-Clause
// The rows that a request's tensors are. Any thread.
#pragma once

#include "ctl/server/scoring/json_walk.h"
#include "ctl/server/scoring/tensor.h"

// A cell of a row as texts give it: through the image's table of the feature's texts, or as a number. `text`
// ends in a zero byte. -EINVAL: it is neither.
int tensor_rows_text(const struct model_info *info, uint32_t feature, const char *text,
	float *value, struct error *err);
// The next value of a JSON text as a feature's: a number; null, where the model takes missing values; a
// string where the feature is text or `texts` is set.
int tensor_rows_value(const struct model_info *info, uint32_t feature, bool texts,
	struct json_walk *reader, float *value);
// "row 2 (the first is 1), column 3 ('duration'): " in front of the sentence.
int tensor_rows_place(
	const struct model_info *info, uint64_t row, uint32_t feature, struct error *err);

// The features by name: sorted, malloc'ed, [n_features]; NULL and a sentence without memory.
struct tensor_column {
	const char *name;
	uint32_t feature; // who finds it may change it
};
struct tensor_column *tensor_columns_create(const struct model_info *info, struct error *err);
// NULL where no feature has that name.
struct tensor_column *tensor_columns_find(
	struct tensor_column *columns, const struct model_info *info, const char *name);

// -E2BIG where so many rows of the model are beyond SCORING_ROWS_MAX and SCORING_VALUES_MAX.
int tensor_rows_check(const struct model_info *info, uint64_t n, struct error *err);

// *rows [*n][n_features], malloc'ed: the inputs of the request. -EINVAL, -E2BIG, -ENOMEM.
int tensor_rows(const struct tensor_request *request, const struct model_info *info, float **rows,
	uint32_t *n, struct error *err);
