// SPDX-License-Identifier: BSD-3-Clause
// How a model became what it is, one line a step, the oldest first: struct graph's `lineage`, which an image
// keeps and which those that are made of it carry on. All commands that learn or change a model say so here.
// One thread, the graph's owner.
#pragma once

#include "infer/graph/graph.h"

struct lineage_step {
	const char *step; // "train", "prune", "quantise", "distil", "compress"
	const char *from; // the source's path, of which the name is kept; NULL: from rows alone
	const uint8_t *
		from_sha256; // [32] of the source's bytes: struct loaded_graph has it; NULL: not known
	const char *options; // what was asked and chosen: "--method magnitude --sparsity 0.9"; NULL
	const char *rows;    // the rows' path, of which the name is kept; NULL: no rows
	size_t n_rows;
	const uint8_t *rows_sha256; // [32] struct dataset's; NULL: not known
	const char *figures;        // what came of it: "F1 0.991 to 0.989, 40 KiB to 12 KiB"; NULL
};

// Adds a line behind those that are there:
//
//	prune of lab.mlt (SHA-256 ...) with --method magnitude, on 800 rows of lab.csv (SHA-256 ...): F1 0.991 to 0.989
//
// Texts are copied into the graph's arena; bytes that no name may have become '?', and what is longer than
// MODEL_LINEAGE_BYTES_MAX is cut, the figures last. -EINVAL where MODEL_LINEAGE_MAX lines are there, -ENOMEM.
int lineage_add(struct graph *graph, const struct lineage_step *step, struct error *err);
