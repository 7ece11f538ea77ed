// SPDX-License-Identifier: BSD-3-Clause
// RNN, GRU and LSTM to QRecurrent: a part of quantise_layers().
#pragma once

#include "infer/compile/passes/quantise_scale.h"

// Why a node cannot become one, for people; NULL: it can.
const char *quantise_recurrent_refuse(const struct graph *graph, const struct node *node);
struct recurrent_input {
	struct quantum of;
	const struct quantise_channels
		*channels; // n > 0: of its columns, and `of` has a scale of 1
};
// Adds to `to` what `node` of `from` becomes with the bytes x, which are x_of; its results are the same tensors.
// -EDOM: weights and biases do not fit; -ENOMEM.
int quantise_recurrent(const struct graph *from, struct graph *to, const struct ranges *ranges,
	const struct quantise_options *options, const struct node *node, uint32_t x,
	const struct recurrent_input *x_of, struct error *err);
