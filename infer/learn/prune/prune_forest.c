// SPDX-License-Identifier: BSD-3-Clause
// Ensembles that lose trees or subtrees, whose other leaves are fitted to what the whole ensemble said.
#include "infer/learn/prune/prune_forest.h"
#include "infer/learn/prune/prune_anew.h"
#include "infer/learn/prune/prune_trees.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARE_MOST  0.95 // where nothing is said but the loss
#define FOREST_ROWS 20000u

struct forest_rows {
	float *values; // of rows that teach, one after another
	size_t n;
};

static int forest_change(struct prune_job *job, struct graph *graph, double share,
	const void *context, struct prune_made *made, struct error *err)
{
	const bool whole = job->result->method == PRUNE_TREES;
	const struct forest_rows *rows = context;
	struct prune_trees_options options = PRUNE_TREES_DEFAULTS;
	struct prune_trees_result trees;
	int rc;

	options.what = whole ? PRUNE_TREES_WHOLE : PRUNE_TREES_SUBTREES;
	options.share = share;
	rc = prune_trees(graph, rows->values, rows->n, &options, &trees, err);
	if (rc != 0)
		return rc;
	made->before = trees.leaves[0];
	made->after = trees.leaves[1];
	made->share = whole ? 1 - (double)trees.trees[1] / trees.trees[0]
			    : 1 - (double)trees.leaves[1] / trees.leaves[0];
	snprintf(made->text, sizeof(made->text),
		"%u trees of %u, %u leaves of %u, scores moved by %.3g of their spread",
		trees.trees[1], trees.trees[0], trees.leaves[1], trees.leaves[0], trees.moved);
	return 0;
}

int prune_forest(struct prune_job *job, struct error *err)
{
	const struct exam *exam = job->exam;
	const size_t width = exam->set.n_features, all = exam->train.n;
	struct forest_rows rows = { .n = all < FOREST_ROWS ? all : FOREST_ROWS };
	int rc;

	rows.values = malloc((rows.n * width + 1) * sizeof(*rows.values));
	if (!rows.values)
		return error_set(err, -ENOMEM, "out of memory for %zu rows", rows.n);
	for (size_t i = 0; i < rows.n; i++)
		memcpy(rows.values + i * width,
			exam->set.values + exam->train.index[i * all / rows.n] * width,
			width * sizeof(*rows.values));
	rc = prune_anew(job, SHARE_MOST, forest_change, &rows, err);
	free(rows.values);
	return rc;
}
