// SPDX-License-Identifier: BSD-3-Clause
// A training, as the files fit*.c know it.
#pragma once

#include "infer/learn/net/fit_options.h"
#include "infer/learn/net/loops.h"
#include "infer/learn/net/team.h"

// Rows of a minibatch that go forward and backward together, divided into 1, 2, 4, ... shards, which the usual numbers
// of threads share out evenly. Of a shard there are at least so many rows, and less than twice as many while there may be
// more shards. A larger minibatch takes several rounds, whose gradients are added.
#define FIT_SHARDS_MAX 16
#define FIT_SHARD_ROWS 64
#define FIT_ROUND_ROWS (2 * FIT_SHARDS_MAX * FIT_SHARD_ROWS)
#define FIT_JUDGE_ROWS 256 // of validation rows in a pass; of recurrent layers 2 * FIT_SHARD_ROWS

// What rows become on their way through the network: of one layer, one row behind another.
struct pass_layer {
	float *z;    // before the activation; y where nobody asks for it
	float *y;    // behind it
	float *in;   // what is multiplied, where that is not what the layer before gave; else NULL
	float *mask; // of dropout on `in`: 0 or 1 / (1 - dropout); NULL: none
	float *delta; // the gradient by y, then by z; NULL: of a layer before the first that is trained
};
struct pass_room {
	struct pass_layer *layers; // [n_layers]
	float *x;                  // [rows][n_in]
	float *scratch;            // [threads][scratch_floats] that recurrent layers go back by
	size_t scratch_floats;
	float *memory;
};

struct piece { // of the weights: one item of work
	size_t first, count;
	uint32_t layer;
	bool decays; // weights do, biases do not
	double squares;
};

struct fit {
	struct net *net;
	struct fit_options options; // with defaults filled in
	struct fit_rows rows, validation;
	struct team *team;
	struct pass_room room;
	uint32_t first_trained; // layer
	uint32_t judge_rows;    // of validation rows in a pass

	float *used;                // weights as hooks.use made them; without it the net's
	float *m, *v, *best_params; // [n_params]
	float *gradient;            // [n_params]
	float *recurrent_gradients; // [FIT_SHARDS_MAX or fewer][recurrent_floats]
	size_t recurrent_floats;    // weights of recurrent layers
	float *transposed; // [n_params] of each dense layer's weights, where they were in n_params
	float *row_weights, *validation_weights; // by position; NULL: 1 each
	uint32_t *order;                         // [n_rows] positions
	uint32_t *judged;                        // [validation.n_rows] 0, 1, 2, ...
	int32_t *predicted;                      // [validation.n_rows]
	double *judged_loss;                     // of each pass over judge_rows
	struct piece *pieces;
	uint32_t n_pieces, first_passed; // the first whose layer hands a gradient to the one before
	struct adam adam;

	// The minibatch at hand, and the round of it.
	size_t batch_first;
	uint32_t batch_rows, round_first, round_rows, round_shards;
	double shard_loss[FIT_SHARDS_MAX];

	// What fit_save() keeps, beside params, m, v and best_params.
	uint32_t epoch, batch; // done; batches of the present epoch
	uint32_t best;         // epoch, from 1; 0: none yet
	uint64_t step;
	double loss_sum, first_loss, train_loss, loss, score, best_loss, best_score;
};
