// SPDX-License-Identifier: BSD-3-Clause
// Data sets that tests read, from files in a folder of their own.
#pragma once

#include "infer/learn/data/dataset.h"

extern char dataset_dir[], dataset_path[64]; // the folder; the file that was read last
extern struct dataset dataset_set;           // what was read last
extern struct error dataset_err;
extern const struct dataset_options DATASET_OF_CLASSES;
extern const struct model_info DATASET_INFO; // of a model with a category

int dataset_set_up(void **state);
int dataset_tear_down(void **state);

// Writes a file into the folder; the path is the caller's until the next but one.
const char *dataset_file(const char *name, const void *bytes, size_t n);
int dataset_read_file(const char *at, const struct dataset_options *options);
int dataset_read_text(const char *text, const struct dataset_options *options); // rows.csv
void dataset_taken(const char *text, const struct dataset_options *options);
// By the sentence behind the path.
void dataset_refused(const char *text, const struct dataset_options *options, const char *sentence);
void dataset_values_are(const float *values, size_t n);
// The labels, by commas, and the rows' classes, by spaces.
void dataset_classes_are(const char *labels, const char *classes);
