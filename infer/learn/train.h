// SPDX-License-Identifier: BSD-3-Clause
// Training: from a file of rows to an image.
#pragma once

#include "infer/learn/dataset.h"
#include "infer/learn/watch.h"

// Of boosted trees; booster.h has what XGBoost calls them.
struct train_boosted {
	uint32_t rounds, depth;
	double learning_rate;
	double subsample, colsample; // shares of the rows and of the features that a tree sees
	double lambda;               // L2 on the leaves' weights
	double min_child_weight;
	uint32_t early_stopping; // rounds without a better validation loss that end it; 0: never
};

// XGBoost's own defaults.
#define TRAIN_BOOSTED_DEFAULTS                                                                     \
	{                                                                                          \
		.rounds = 100, .depth = 6, .learning_rate = 0.3, .subsample = 1, .colsample = 1,   \
		.lambda = 1, .min_child_weight = 1                                                 \
	}

struct train_isolation {
	uint32_t trees;
	uint32_t samples; // rows that a tree is grown from; all, where there are fewer
};

// Those of the paper and of scikit-learn.
#define TRAIN_ISOLATION_DEFAULTS                                                                   \
	{                                                                                          \
		.trees = 100, .samples = 256                                                       \
	}

struct train_kitsune {
	uint32_t cluster; // most features that share an autoencoder
	double ratio;     // of hidden units to an autoencoder's features, above 0
};

#define TRAIN_KITSUNE_DEFAULTS                                                                     \
	{                                                                                          \
		.cluster = 10, .ratio = 0.75                                                       \
	}

// Of all that is trained by steps of Adam; what is 0 is as the kind has it by itself.
struct train_steps {
	uint32_t epochs, batch;
	uint32_t patience; // epochs without a better score that end it
	double learning_rate, weight_decay;
	double clip; // bound of the gradient's norm
};

struct train_options {
	const char *kind; // "dense", "autoencoder", ...
	uint64_t seed;
	uint32_t threads; // 0: as many as there are CPUs
	// Of anomaly scores: the share of normal rows that may score above the threshold, which is 1.
	double false_positive_rate;
	struct train_steps steps;
	struct train_boosted boosted;
	struct train_isolation isolation;
	struct train_kitsune kitsune;
};
