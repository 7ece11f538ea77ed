// SPDX-License-Identifier: BSD-3-Clause
// Rows made up for what learns, and what a graph that was learnt makes of them.
#pragma once

#include "infer/graph/graph.h"
#include "infer/learn/data/dataset_part.h"

#define LEARN_FEATURES 6

// A set of rows in memory, values in [-1, 1): class or number by a rule of the first three features, which
// trees and small networks learn. The last feature is missing in every tenth row, if `missing`. n_classes 0: numbers.
struct learn_case {
	struct dataset set;
	float *values, *numbers;
	int32_t *classes;
};
void learn_case_init(struct learn_case *rows, size_t n, uint32_t n_classes, bool missing);
void learn_case_fini(struct learn_case *rows);
// n rows from `first` on; dataset_part_fini() or free(index).
struct dataset_part learn_case_part(const struct learn_case *rows, uint32_t first, size_t n);

// Compiles the graph, which is destroyed, and scores all rows: [n_rows][n_outputs], to be freed.
float *learn_case_score(const struct learn_case *rows, struct graph *graph, uint32_t n_outputs);
// Scores all rows by an image.
float *learn_case_score_image(
	const struct learn_case *rows, const void *image, size_t size, uint32_t n_outputs);
// The share of rows whose largest score is that of their class.
double learn_case_accuracy(const struct learn_case *rows, const float *scores, uint32_t n_outputs);
