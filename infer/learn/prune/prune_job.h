// SPDX-License-Identifier: BSD-3-Clause
// What one method of pruning is to prune.c: a function that changes a graph, in a file of its own.
#pragma once

#include "infer/compile/load.h"
#include "infer/learn/judge/exam.h"
#include "infer/learn/net/net.h"
#include "infer/learn/prune/prune_options.h"
#include "infer/learn/watch.h"

struct prune_job {
	const struct prune_options *options;
	const struct exam *exam;
	const struct learn_watch *watch; // NULL: nobody watches
	struct compile_report *report;   // NULL: nobody reads it
	struct prune_result
		*result;  // before.figure is known; `steps`, by_loss and sparsity are the method's
	const char *path; // of the model
	struct loaded_graph *loaded; // its graph, changed in place, or another in its place
	struct net *
		net; // of the graph, which is trained between steps; NULL: the graph is no chain of layers
};

// One method. 0, or what model_prune() says.
typedef int prune_function(struct prune_job *job, struct error *err);
