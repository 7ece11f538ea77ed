// SPDX-License-Identifier: BSD-3-Clause
// What pruning (prune.h) is told, and what it tells. No file of code belongs to it.
#pragma once

#include "infer/infer.h"

enum prune_method {
	PRUNE_AUTO, // trees of what has trees, else structured
	// The smallest weights become 0, more of them in each step, with training between. M. Zhu, S. Gupta, "To
	// prune, or not to prune", 2017.
	PRUNE_MAGNITUDE,
	// W <- sign(W) max(|W| - alpha, 0) in each step, with training between.
	PRUNE_PROXIMAL,
	// Whole units of dense layers and channels of convolutions go, in tiles as wide as kernels work on.
	PRUNE_STRUCTURED,
	PRUNE_TREES,    // whole trees of ensembles go, and leaves are fitted anew: prune_trees.h
	PRUNE_SUBTREES, // and branches with all that is below them
	PRUNE_METHODS,
};

struct prune_options {
	const char *name; // the image's; NULL: the model's
	uint32_t method;  // enum prune_method
	double sparsity; // share of the weights, trees or leaves that goes, 0 to below 1; 0: as the loss allows
	bool per_layer; // magnitude: the share of each layer, instead of all together
	double alpha;   // proximal; 0: what brings it to the sparsity in `steps`
	double max_loss; // of F1 (R2 of numbers) on the rows held back, at most; negative: it must rise
	uint32_t steps, epochs; // of training after each of the steps; 0: none
	double learning_rate;   // of that; 0: 0.001
	uint32_t tile; // units that go at once; a layer's width is a multiple of it afterwards
	double held;   // share of the rows that is held back
	uint64_t seed;
	uint32_t threads; // 0: as many as there are CPUs
};

#define PRUNE_DEFAULTS                                                                             \
	{                                                                                          \
		.max_loss = 0.01, .steps = 10, .epochs = 5, .tile = 16, .held = 0.2, .seed = 1     \
	}

struct prune_side {    // before or after
	double figure; // F1 or R2 of the rows held back
	uint64_t n_weights, n_zero;
	double ns_per_row[MODEL_BATCH_CLASSES];
	size_t weights_bytes; // packed, in memory
};

struct prune_result {
	const char *figure;               // "F1" or "R2"
	enum prune_method method;         // PRUNE_AUTO no more
	const char *unit;                 // what n_weights are: "weights" or "leaves"
	char not_tuned[ERROR_TEXT_BYTES]; // why there was no training between; "": there was
	size_t n_train, n_held;           // rows
	uint32_t steps;                   // done
	bool by_loss;                     // it was the loss that ended it
	double sparsity;                  // reached: share of the weights that went
	struct prune_side before, after;
};
