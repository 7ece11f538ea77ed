// SPDX-License-Identifier: BSD-3-Clause
// Quantisation after training: a float graph becomes one whose products are of 8-bit integers.
//
// Dense, Conv, RNN, GRU and LSTM with constant weights become QDense, QConv and QRecurrent. Between products nothing
// becomes a float again where the activation only bounds (none, Relu, Clip) and what reads it takes bytes: it is
// a part of the requantisation then. Other activations are computed in floats. The model's inputs are quantised by
// QuantizeLinear; where features are of different sizes an Affine brings them to one scale before, and the weights
// of Dense and recurrent layers take it back.
#pragma once

#include "infer/compile/passes/quantise_scale.h"

// A node that could be quantised.
struct quantise_layer {
	uint32_t node;    // of the float graph
	const char *name; // the float graph's
	bool keep;        // the caller's: leave it in float
	const char *why;  // NULL: it was quantised; else why not, for people
	// Where it was: its result in the quantised graph, of which q stands for (q - zero) * scale where it is bytes.
	uint32_t result;
	struct quantum quantum;
};

struct quantise_layers {
	struct quantise_layer *of;
	uint32_t count;
};

// Which nodes of a float graph have weights that could be of 8 bits: OP_DENSE, OP_CONV and the recurrent ones.
// `why` of those of a form that cannot. free() layers->of. -ENOMEM.
int quantise_find_layers(
	const struct graph *graph, struct quantise_layers *layers, struct error *err);
// Marks the tensors [n_tensors] whose ranges quantise_layers() wants: enum range_wanted.
void quantise_wanted(
	const struct graph *graph, const struct quantise_layers *layers, uint8_t *wanted);

// How the columns of a tensor that these layers read are quantised, or channels->n 0: by one scale. -ENOMEM.
int quantise_channels_of(const struct graph *graph, const struct ranges *ranges,
	const struct quantise_options *options, const struct quantise_layers *layers,
	uint32_t tensor, struct quantise_channels *channels, struct error *err);

// The layers that are neither kept nor of a form that cannot in 8 bits: a new graph, which passes graph_check(),
// and whose names and constants are partly those of `graph`, which must outlive it. `ranges` are of the same graph.
// -EINVAL, -ENOMEM.
int quantise_layers(const struct graph *graph, const struct ranges *ranges,
	const struct quantise_options *options, struct quantise_layers *layers, struct graph **to,
	struct error *err);
