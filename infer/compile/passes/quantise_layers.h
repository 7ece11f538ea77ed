// SPDX-License-Identifier: BSD-3-Clause
// Quantisation after training: a float graph becomes one whose products are of 8-bit integers.
//
// Dense, Conv, RNN, GRU and LSTM with constant weights become QDense, QConv and QRecurrent. Between products nothing
// becomes a float again where what reads it takes bytes: an activation that only bounds (none, Relu, Clip) is a part of
// the requantisation then, and any other function of one value, of one node or several, a table of bytes (QLookup). The
// model's inputs are quantised by
// QuantizeLinear; where features are of different sizes an Affine brings them to one scale before, and the weights
// of Dense and recurrent layers take it back.
#pragma once

#include "infer/compile/passes/quantise_find.h"

// The layers that are neither kept nor of a form that cannot in 8 bits: a new graph, which passes graph_check(),
// and whose names and constants are partly those of `graph`, which must outlive it. `ranges` are of the same graph.
// -EINVAL, -ENOMEM.
int quantise_layers(const struct graph *graph, const struct ranges *ranges,
	const struct quantise_options *options, struct quantise_layers *layers, struct graph **to,
	struct error *err);
