// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/net/fit_update.h"

#include "infer/learn/net/blas.h"
#include "infer/learn/net/fit_room.h"
#include "infer/learn/net/loops.h"

#include <math.h>
#include <stdlib.h>

#define FIT_BETA1 0.9
#define FIT_BETA2 0.999

// Weights of a piece, and rows of a dense layer's: a piece is of whole ones.
#define PIECE_WEIGHTS 4096
#define PIECE_ROWS    32
// To wake the other threads takes as long as to transpose so many weights.
#define TRANSPOSE_ALONE 16384

// --- Pieces --------------------------------------------------------------------------------------

// `pieces` NULL: only their number.
static uint32_t cut(const struct fit *fit, struct piece *pieces, uint32_t n, uint32_t layer,
	const float *array, size_t count, size_t most, bool decays)
{
	const size_t first = (size_t)(array - fit->net->params);

	for (size_t at = 0; at < count; at += most, n++) {
		if (pieces)
			pieces[n] = (struct piece){ .first = first + at,
				.count = count - at < most ? count - at : most,
				.layer = layer,
				.decays = decays };
	}
	return n;
}

// Weights and biases follow each other there.
static uint32_t cut_recurrent(
	const struct fit *fit, struct piece *pieces, uint32_t n, uint32_t layer)
{
	const struct recurrent_net *recurrent = &fit->net->layers[layer].recurrent;
	const float *weights = fit->net->layers[layer].weights;

	for (uint32_t l = 0; l < recurrent->n_layers; l++) {
		const struct recurrent_params at = recurrent_params_of(recurrent, l);

		n = cut(fit, pieces, n, layer, weights + at.w, at.b - at.w, PIECE_WEIGHTS, true);
		n = cut(fit, pieces, n, layer, weights + at.b, at.ends - at.b, PIECE_WEIGHTS,
			false);
	}
	return n;
}

static uint32_t cut_layer(const struct fit *fit, struct piece *pieces, uint32_t n, uint32_t i)
{
	const struct net_layer *layer = &fit->net->layers[i];
	uint32_t rows = PIECE_ROWS;

	if (!layer->weights)
		return n;
	if (layer->recurrent.steps > 0)
		return cut_recurrent(fit, pieces, n, i);
	while ((size_t)rows * layer->n_out < PIECE_WEIGHTS)
		rows += PIECE_ROWS;
	n = cut(fit, pieces, n, i, layer->weights, net_layer_weights(layer),
		(size_t)rows * layer->n_out, true);
	return layer->bias ? cut(fit, pieces, n, i, layer->bias, layer->n_out, layer->n_out, false)
			   : n;
}

static uint32_t cut_all(struct fit *fit, struct piece *pieces)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < fit->net->n_layers; i++) {
		n = cut_layer(fit, pieces, n, i);
		if (i == fit->first_trained)
			fit->first_passed = n;
	}
	return n;
}

int fit_cut_pieces(struct fit *fit, struct error *err)
{
	fit->n_pieces = cut_all(fit, NULL);
	fit->pieces = calloc(fit->n_pieces, sizeof(*fit->pieces));
	if (!fit->pieces)
		return error_set(
			err, -ENOMEM, "out of memory to train %u layers", fit->net->n_layers);
	cut_all(fit, fit->pieces);
	return 0;
}

// --- Transposition -------------------------------------------------------------------------------

static void transpose_work(void *context, uint32_t item, uint32_t thread)
{
	struct fit *fit = context;
	const struct piece *piece = &fit->pieces[fit->first_passed + item];
	const struct net_layer *layer = &fit->net->layers[piece->layer];
	const size_t at = (size_t)(layer->weights - fit->net->params);
	const uint32_t row = (uint32_t)((piece->first - at) / layer->n_out);

	if (!piece->decays)
		return; // biases
	loop_transpose((uint32_t)(piece->count / layer->n_out), layer->n_out,
		(fit->used ? fit->used : fit->net->params) + piece->first, layer->n_in,
		fit->transposed + at + row);
}

void fit_transpose_weights(struct fit *fit)
{
	const uint32_t n_items = fit->n_pieces - fit->first_passed;
	size_t weights = 0;

	for (uint32_t i = 0; i < n_items; i++)
		weights += fit->pieces[fit->first_passed + i].count;
	if (weights > TRANSPOSE_ALONE) {
		team_run(fit->team, n_items, transpose_work, fit);
		return;
	}
	for (uint32_t i = 0; i < n_items; i++)
		transpose_work(fit, i, 0);
}

// --- Gradient ------------------------------------------------------------------------------------

static void add_recurrent(struct fit *fit, const struct piece *piece, bool adds)
{
	const float *weights = fit->net->layers[piece->layer].weights;

	loop_sum(piece->count, fit->round_shards, fit->recurrent_floats,
		fit->recurrent_gradients + piece->first - (size_t)(weights - fit->net->params),
		adds, fit->gradient + piece->first);
}

// The rows of the weights that belong to so many inputs.
static void add_dense(struct fit *fit, const struct piece *piece, bool adds)
{
	const struct net_layer *layer = &fit->net->layers[piece->layer];
	const size_t at = piece->first - (size_t)(layer->weights - fit->net->params);

	blas_product((uint32_t)(piece->count / layer->n_out), layer->n_out, fit->round_rows,
		(struct blas_matrix){
			pass_room_in(fit, piece->layer, 0) + at / layer->n_out, layer->n_in, true },
		(struct blas_matrix){ fit->room.layers[piece->layer].delta, layer->n_out, false },
		adds, fit->gradient + piece->first);
}

static void add_work(void *context, uint32_t item, uint32_t thread)
{
	struct fit *fit = context;
	struct piece *piece = &fit->pieces[item];
	const struct net_layer *layer = &fit->net->layers[piece->layer];
	const bool adds = fit->round_first > 0;

	if (layer->recurrent.steps > 0)
		add_recurrent(fit, piece, adds);
	else if (piece->decays)
		add_dense(fit, piece, adds);
	else
		loop_columns(fit->round_rows, layer->n_out, fit->room.layers[piece->layer].delta,
			adds, fit->gradient + piece->first);
}

void fit_add_round(struct fit *fit)
{
	team_run(fit->team, fit->n_pieces, add_work, fit);
}

// --- Step ----------------------------------------------------------------------------------------

static void square_work(void *context, uint32_t item, uint32_t thread)
{
	struct fit *fit = context;
	struct piece *piece = &fit->pieces[item];
	const float *gradient = fit->gradient + piece->first;
	double squares = 0;

	add_work(context, item, thread);
	for (size_t i = 0; i < piece->count; i++)
		squares += (double)gradient[i] * gradient[i];
	piece->squares = squares;
}

static void step_work(void *context, uint32_t item, uint32_t thread)
{
	struct fit *fit = context;
	const struct piece *piece = &fit->pieces[item];
	struct adam adam = fit->adam;

	if (fit->options.clip <= 0)
		add_work(context, item, thread);
	adam.decay = piece->decays ? adam.decay : 0;
	loop_adam(&adam, piece->count, fit->gradient + piece->first, fit->m + piece->first,
		fit->v + piece->first, fit->net->params + piece->first);
}

static float clip(struct fit *fit)
{
	double squares = 0, norm;

	team_run(fit->team, fit->n_pieces, square_work, fit);
	for (uint32_t i = 0; i < fit->n_pieces; i++)
		squares += fit->pieces[i].squares;
	norm = sqrt(squares);
	return norm > fit->options.clip ? (float)(fit->options.clip / norm) : 1;
}

void fit_update(struct fit *fit)
{
	const struct fit_options *options = &fit->options;

	fit->step++;
	fit->adam = (struct adam){ .rate = (float)options->learning_rate,
		.decay = (float)(options->learning_rate * options->weight_decay),
		.one_minus_beta1 = (float)(1 - FIT_BETA1),
		.one_minus_beta2 = (float)(1 - FIT_BETA2),
		.correct1 = (float)(1 / (1 - pow(FIT_BETA1, (double)fit->step))),
		.correct2 = (float)(1 / (1 - pow(FIT_BETA2, (double)fit->step))),
		.scale = options->clip > 0 ? clip(fit) : 1 };
	team_run(fit->team, fit->n_pieces, step_work, fit);
	if (options->hooks.stepped)
		options->hooks.stepped(options->hooks.context, fit->net, fit->step);
}
