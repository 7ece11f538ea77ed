// SPDX-License-Identifier: BSD-3-Clause
// How far the results of a quantised graph's layers are from those of the float graph, layer by layer.
#pragma once

#include "infer/compile/passes/quantise_layers.h"

struct quantise_layer_error {
	double snr_db; // 10 log10 of the results' squares to the errors'; NaN: the layer is in float
	double mean_error; // absolute
};

// Of layers that were quantised, over the first of the rows [n][n_features]: as many as a bounded amount of work
// allows. The errors of the layers before add up in them. errors [layers->count]. -ENOMEM.
int quantise_errors(const struct graph *graph, const struct graph *quantised,
	const struct quantise_layers *layers, const float *rows, size_t n,
	struct quantise_layer_error *errors, struct error *err);
