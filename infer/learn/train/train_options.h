// SPDX-License-Identifier: BSD-3-Clause
// What training is told: of all kinds together, and of each.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

// Of GRU and LSTM, beside struct train_network, whose layers are dense and follow (none, where it says nothing).
struct train_recurrent {
	uint32_t window;   // steps of time that a row has
	const char *units; // widths of the recurrent layers, "64" or "64,32"; NULL: 64
};

// Of all that is trained by steps of Adam; what is 0 is as the kind has it by itself.
struct train_steps {
	uint32_t epochs, batch;
	uint32_t patience; // epochs without a better score that end it
	double learning_rate, weight_decay;
	double clip; // bound of the gradient's norm
};

enum train_loss { TRAIN_SOFTMAX, TRAIN_SIGMOID };
enum train_activation { // "relu|tanh|sigmoid|leaky-relu|elu|gelu"
	TRAIN_RELU,
	TRAIN_TANH,
	TRAIN_SIGMOID_UNITS,
	TRAIN_LEAKY_RELU,
	TRAIN_ELU,
	TRAIN_GELU,
};

// Of dense networks and autoencoders, beside struct train_steps.
struct train_network {
	// Widths of the hidden layers: "64,32"; "none": none. Of an autoencoder those up to its narrowest, which the
	// others mirror. NULL: 64,32, or a half and a quarter of the features.
	const char *layers;
	enum train_activation activation;
	enum train_loss loss; // of classes
	bool balanced;        // each class counts alike, however many rows it has
	double dropout;       // share of a hidden layer's outputs, 0 to below 1
};

// Where an interrupted training goes on, and where it is kept meanwhile.
struct train_checkpoint {
	const char *resume; // file that is gone on from; NULL: from the beginning
	// Keeps the bytes, whole or not at all; NULL: nobody does. A negative errno ends the training.
	int (*write)(void *context, const void *bytes, size_t size, struct error *err);
	void *context;
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
	struct train_recurrent recurrent;
	struct train_network network;
	struct train_checkpoint checkpoint;
};
