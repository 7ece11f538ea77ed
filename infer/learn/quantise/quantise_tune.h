// SPDX-License-Identifier: BSD-3-Clause
// Quantisation-aware fine-tuning: a chain of dense layers is trained on with weights and inputs of layers rounded as
// they will be, gradients passing straight through (Y. Bengio et al., "Estimating or Propagating Gradients Through
// Stochastic Neurons for Conditional Computation", 2013), towards the labels and the float model's own scores.
#pragma once

#include "infer/compile/passes/quantise_layers.h"
#include "infer/learn/watch.h"

struct quantise_tuning {
	const struct quantise_options *options;
	const struct quantise_layers *layers; // those that are quantised are rounded
	const struct ranges *ranges;          // of the same graph
	const float *rows;                    // [n][n_features]
	const int32_t *classes;               // [n] -1: none; NULL: no row has one
	size_t n;
	uint32_t epochs;
	uint64_t seed;
	const struct learn_watch *watch;
};

// Weights and biases of `graph` become the tuned ones. -ENOTSUP: the graph is no chain of dense layers; -ECANCELED,
// -EDOM, -EINVAL, -ENOMEM.
int quantise_tune(struct graph *graph, const struct quantise_tuning *tuning, struct error *err);
