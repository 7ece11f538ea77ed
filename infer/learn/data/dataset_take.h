// SPDX-License-Identifier: BSD-3-Clause
// What is read of a row: its label, its weight, and the numbers that its cells stand for. Private to infer/learn,
// for dataset.c.
#pragma once

#include "infer/learn/data/dataset_memory.h"

// Of a struct rows_options, whose `codes` points to a struct dataset_memory *.
int dataset_code(
	const void *codes, uint32_t feature, const char *text, float *value, struct error *err);
int dataset_take_text(const void *codes, uint32_t column, const char *text, struct error *err);

// The next row's label, `text` as its cell has it. -EINVAL, -EDOM, -EFBIG, -ENOMEM.
int dataset_take_label(struct dataset_memory *m, const char *text, struct error *err);
// A label or a weight as a matrix has it; likewise.
int dataset_take_float(struct dataset_memory *m, float value, bool is_label, struct error *err);
// Is that value one that may stay? `text` is how the file has it. 0, -EDOM.
int dataset_check_value(
	const struct dataset_memory *m, float value, const char *text, struct error *err);
