// SPDX-License-Identifier: BSD-3-Clause
// What one kind of model is to train.c: a function from rows to a graph, in a file of its own.
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"
#include "infer/learn/data/dataset_part.h"
#include "infer/learn/train/train_options.h"
#include "infer/learn/watch.h"

// What a kind is given, and what it gives.
struct train_job {
	const struct train_options *options;
	struct dataset_part train, validation; // validation.n 0: none
	const struct learn_watch *watch;       // NULL: nobody watches
	struct compile_report *report;         // NULL: nobody reads it
	uint8_t identity
		[32]; // of rows and options that are not the kind's: a checkpoint's must be the same
	// The kind's: a graph with operators, features' and outputs' names, class_labels, texts and
	// accepts_missing, ready for compile_graph(); the caller destroys it.
	struct graph *graph;
};

// 0; -ECANCELED: the watch ended it, and job->graph is the best so far, or NULL; -EINVAL, -EDOM (it diverged),
// -ENOMEM.
typedef int train_function(struct train_job *job, struct error *err);
