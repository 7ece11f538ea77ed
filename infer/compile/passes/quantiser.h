// SPDX-License-Identifier: BSD-3-Clause
// What the parts of quantise_layers() share: the float graph, the one that becomes, and what is known of each tensor.
#pragma once

#include "infer/compile/passes/pointwise.h"
#include "infer/compile/passes/quantise_find.h"

// What is known of a tensor of the float graph, by its number.
struct quantise_tensor {
	bool bytes;                        // nobody reads it but as bytes
	uint32_t q;                        // its bytes in the new graph; GRAPH_NONE: none yet
	struct quantum of;                 // how
	bool read_by_conv;                 // which has one scale for all of its input
	struct quantise_channels channels; // n > 0: these, and `of` stands for a scale of 1
};

// Functions of one value that become tables where their sources and sinks are bytes.
struct quantise_tables {
	struct pointwise *of;
	uint32_t count;
	uint32_t *table; // [n_nodes] of `of` that the node is a part of; GRAPH_NONE: none
	uint32_t *
		alone; // [n_tensors] the one that is all that reads the tensor; GRAPH_NONE: others do
};

struct quantiser {
	const struct graph *from;
	struct graph *to;
	const struct ranges *ranges;
	const struct quantise_options *options;
	const struct quantise_layers *layers;
	struct quantise_layer **layer; // [from->n_nodes] NULL: none that is quantised
	struct quantise_tensor *tensors;
	struct quantise_tables tables;
	struct error *err;
};

// A tensor of the new graph of that shape. GRAPH_NONE: err is filled.
uint32_t quantise_add_tensor(
	struct quantiser *q, const struct tensor *like, enum dtype dtype, const char *suffix);
// The tensor of the float graph as bytes, by QuantizeLinear where it is none yet. GRAPH_NONE: err is filled.
uint32_t quantise_bytes(struct quantiser *q, uint32_t tensor);
