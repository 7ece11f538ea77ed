// SPDX-License-Identifier: BSD-3-Clause
// What a model is judged by while it is changed: labelled rows, of which some are held back, and one figure of how
// well it decides those. Macro F1 of classes, R2 of numbers; metrics.h has both. evaluate.h says which column of the
// scores says what, and this decides the same way.
//
// Owner: the caller, one thread; the model that it was made for must stay open as long.
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"
#include "infer/learn/data/dataset_part.h"

struct exam {
	struct dataset set;
	struct dataset_part train, held;             // held: to judge by
	bool numbers;                                // the rows bear numbers, and the figure is R2
	uint32_t n_outputs, first_column, n_columns; // of the scores, that say the class
	// [set.n_rows] as the columns have it: the column, or with one column 0 and 1; NULL of numbers.
	int32_t *truth;
	bool is_probability; // the one column lies within 0 and 1: it decides from 0.5 on, else from 0 on
	bool is_turned;  // the one column is the first class's
	bool is_anomaly; // the one column is an anomaly score: it decides from 1 on
};

struct exam_options {
	struct dataset_options data; // model and target are the exam's
	double share;                // of the rows that is held back, above 0 and below 1
	uint64_t seed;
	const float *
		fill; // what the model puts for missing values (fill_of_graph()); NULL: such rows are refused
};

// Reads the rows of a file for `model` and divides them. `exam` is zeroed. -EINVAL, -ENOMEM, or what dataset_read()
// says.
int exam_read(const char *path, const struct exam_options *options, const struct model *model,
	struct exam *exam, struct compile_report *report, struct error *err);
void exam_fini(struct exam *exam);                // a zeroed one is fine
const char *exam_figure(const struct exam *exam); // "F1" or "R2"

// The figure of scores [held.n][n_outputs]. -EDOM where one is not finite, -ENOMEM.
int exam_judge(const struct exam *exam, const float *scores, double *figure, struct error *err);
// Of a model, and of a graph that has passed graph_check(), whose outputs are the same columns.
int exam_judge_model(
	const struct exam *exam, const struct model *model, double *figure, struct error *err);
int exam_judge_graph(
	const struct exam *exam, const struct graph *graph, double *figure, struct error *err);
// The held rows one after another, [held.n][n_features], malloc'ed; NULL: no memory.
float *exam_held_values(const struct exam *exam);
// Nanoseconds a row of held rows, as model_bench() has it. -ENOMEM.
int exam_time(const struct exam *exam, const struct model *model,
	double ns_per_row[MODEL_BATCH_CLASSES], struct error *err);
