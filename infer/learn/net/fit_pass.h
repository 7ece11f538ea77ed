// SPDX-License-Identifier: BSD-3-Clause
// A pass of rows forward and backward through a network that is trained.
#pragma once

#include "infer/learn/net/fit_internal.h"

// One pass over some rows of a set.
struct pass {
	const struct fit_rows *set;
	const float *row_weights; // by position; NULL: 1 each
	const uint32_t *position; // [n_rows] in the set
	uint32_t n_rows;
	uint32_t first;  // row of the room, which has n_rows for it
	uint32_t thread; // whose scratch it takes
	double divide;   // the gradient is of the sum of losses divided by this
	bool training;   // with dropout, and a gradient is wanted
	uint64_t draw;   // what dropout is drawn by, with the layer
};

// Into how many shards the rows of a round are divided.
uint32_t fit_shards(uint32_t rows);
// Makes `used` of the weights.
void fit_use_weights(struct fit *fit);

// The sum of the rows' losses. Where `training`, their gradient by what the last layer gives is left in its delta.
// predicted [n_rows]: classes, where there are any; NULL: nobody asks.
double pass_forward(const struct fit *fit, const struct pass *pass, int32_t *predicted);
// Goes on from there, down to the first trained layer: each layer's delta. `recurrent` [recurrent_floats]: the gradient
// of the weights of recurrent layers, if there are any.
void pass_backward(const struct fit *fit, const struct pass *pass, float *recurrent);
// The mean loss of the validation rows, and their macro F1, NaN where they bear no classes.
double pass_judge(struct fit *fit, double *score);
