// SPDX-License-Identifier: BSD-3-Clause
// The layers of a float graph that could be of 8 bits, and what calibration must see of them.
#pragma once

#include "infer/compile/passes/quantise_scale.h"

// A node that could be quantised.
struct quantise_layer {
	uint32_t node;    // of the float graph
	const char *name; // the float graph's
	bool keep;        // the caller's: leave it in float
	const char *why;  // NULL: it was quantised; else why not, for people
	// Where it was: its result in the quantised graph, of which q stands for (q - zero) * scale where it is bytes;
	// and the tensor of the float graph that this is, which may be made by a table behind it.
	uint32_t result, stands_for;
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
// Does the node move values and no more, so that bytes are moved alike?
bool quantise_moves(const struct node *node);
// Marks the tensors [n_tensors] whose ranges quantise_layers() wants: enum range_wanted.
void quantise_wanted(
	const struct graph *graph, const struct quantise_layers *layers, uint8_t *wanted);

// How the columns of a tensor that these layers read are quantised, or channels->n 0: by one scale. -ENOMEM.
int quantise_channels_of(const struct graph *graph, const struct ranges *ranges,
	const struct quantise_options *options, const struct quantise_layers *layers,
	uint32_t tensor, struct quantise_channels *channels, struct error *err);
