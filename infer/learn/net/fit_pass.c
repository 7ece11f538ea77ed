// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/net/fit_pass.h"

#include "base/align.h"
#include "base/random.h"
#include "infer/learn/net/blas.h"
#include "infer/learn/net/loops.h"
#include "infer/learn/net/loss.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

uint32_t fit_shards(uint32_t batch_rows)
{
	uint32_t shards = 1;

	while (shards < FIT_SHARDS_MAX && batch_rows / (2 * shards) >= FIT_SHARD_ROWS)
		shards *= 2;
	return shards;
}

void fit_use_weights(struct fit *fit)
{
	const struct fit_hooks *hooks = &fit->options.hooks;

	if (!hooks->use)
		return;
	memcpy(fit->used, fit->net->params, fit->net->n_params * sizeof(float));
	for (uint32_t i = 0; i < fit->net->n_layers; i++) {
		const struct net_layer *layer = &fit->net->layers[i];

		if (layer->weights)
			hooks->use(hooks->context, i, layer,
				fit->used + (layer->weights - fit->net->params));
	}
}

// --- Memory --------------------------------------------------------------------------------------

static bool pass_copies_input(const struct fit *fit, uint32_t layer)
{
	return (fit->net->layers[layer].weights && fit->options.hooks.enter) ||
		(layer > 0 && fit->net->layers[layer - 1].dropout > 0);
}

// The next `count` floats; `room` NULL: only their number.
static float *pass_take(float *memory, size_t *at, size_t count)
{
	float *taken = memory ? memory + *at : NULL;

	*at += align_up(count, 16);
	return taken;
}

static size_t pass_lay_out(const struct fit *fit, uint32_t rows, struct pass_room *room)
{
	const struct net *net = fit->net;
	size_t at = 0, widest = net->n_in;

	room->x = pass_take(room->memory, &at, (size_t)rows * net->n_in);
	for (uint32_t i = 0; i < net->n_layers; i++) {
		const struct net_layer *layer = &net->layers[i];
		const size_t in = (size_t)rows * layer->n_in, out = (size_t)rows * layer->n_out;
		struct pass_layer *l = &room->layers[i];

		widest = layer->n_out > widest ? layer->n_out : widest;
		l->y = pass_take(room->memory, &at, out);
		l->z = loop_act_by_output(&layer->act) ? l->y : pass_take(room->memory, &at, out);
		l->in = pass_copies_input(fit, i) ? pass_take(room->memory, &at, in) : NULL;
		l->scratch = pass_take(room->memory, &at, net_layer_scratch(layer, rows));
		l->mask = i > 0 && net->layers[i - 1].dropout > 0 ? pass_take(room->memory, &at, in)
								  : NULL;
	}
	room->delta[0] = pass_take(room->memory, &at, rows * widest);
	room->delta[1] = pass_take(room->memory, &at, rows * widest);
	return at;
}

int pass_room_init(const struct fit *fit, uint32_t rows, struct pass_room *room, struct error *err)
{
	size_t floats;

	*room = (struct pass_room){ 0 };
	room->layers = calloc(fit->net->n_layers, sizeof(*room->layers));
	if (!room->layers)
		return error_set(
			err, -ENOMEM, "out of memory to train %u layers", fit->net->n_layers);
	floats = pass_lay_out(fit, rows, room);
	room->memory = aligned_alloc(64, floats * sizeof(float));
	if (!room->memory) {
		pass_room_fini(room);
		return error_set(err, -ENOMEM, "out of memory to train %u rows at a time", rows);
	}
	pass_lay_out(fit, rows, room);
	return 0;
}

void pass_room_fini(struct pass_room *room)
{
	free(room->memory);
	free(room->layers);
	*room = (struct pass_room){ 0 };
}

// --- Forward -------------------------------------------------------------------------------------

static size_t pass_number(const struct pass *pass, uint32_t row)
{
	const uint32_t position = pass->position[row];

	return pass->set->index ? pass->set->index[position] : position;
}

static void pass_drop(const struct pass *pass, uint64_t seed, uint32_t layer, float dropout,
	size_t count, float *mask)
{
	const uint32_t below = (uint32_t)(dropout * 4294967296.0);
	const float kept = 1 / (1 - dropout);
	uint64_t state = random_start(seed, pass->draw + layer);

	for (size_t i = 0; i < count; i += 2) {
		const uint64_t drawn = random_next(&state);

		mask[i] = (uint32_t)drawn < below ? 0 : kept;
		if (i + 1 < count)
			mask[i + 1] = (uint32_t)(drawn >> 32) < below ? 0 : kept;
	}
}

// What layer `i` multiplies, x being what comes out of the one before.
static const float *pass_input(const struct fit *fit, const struct pass *pass,
	const struct pass_room *room, uint32_t i, const float *x)
{
	const struct fit_hooks *hooks = &fit->options.hooks;
	const struct net_layer *layer = &fit->net->layers[i];
	const struct pass_layer *l = &room->layers[i];
	const size_t count = (size_t)pass->n_rows * layer->n_in;

	if (!l->in)
		return x;
	memcpy(l->in, x, count * sizeof(float));
	if (l->mask && pass->training) {
		pass_drop(pass, fit->options.seed, i, fit->net->layers[i - 1].dropout, count,
			l->mask);
		loop_scale(count, l->mask, l->in);
	}
	if (layer->weights && hooks->enter)
		hooks->enter(hooks->context, i, l->in, pass->n_rows, layer->n_in);
	return l->in;
}

static const float *pass_weights(const struct fit *fit, const struct net_layer *layer)
{
	return fit->used && layer->weights ? fit->used + (layer->weights - fit->net->params)
					   : layer->weights;
}

static int32_t pass_class(const float *sums, uint32_t n_out)
{
	uint32_t best = 0;

	if (n_out == 1)
		return sums[0] > 0;
	for (uint32_t i = 1; i < n_out; i++)
		best = sums[i] > sums[best] ? i : best;
	return (int32_t)best;
}

// One row's loss times its weight; its gradient into g, unless that is NULL.
static double pass_row_loss(const struct fit *fit, const struct pass *pass,
	const struct pass_room *room, uint32_t row, const float *sums, float *g)
{
	const struct fit_options *options = &fit->options;
	const struct fit_rows *set = pass->set;
	const size_t number = pass_number(pass, row);
	const uint32_t n = fit->net->n_out;
	const double weight = pass->row_weights ? pass->row_weights[pass->position[row]] : 1;
	const double factor = weight / pass->divide;
	const int32_t class = set->classes ? set->classes[number] : -1;
	const float *p = set->probabilities ? set->probabilities + number * n : NULL;
	const double soft = !p ? 0 : class < 0 ? 1 : options->soft, t = options->temperature;
	double (*const of)(uint32_t, const float *, int32_t, const float *, double, double,
		float *) = options->loss == FIT_SOFTMAX ? loss_softmax : loss_sigmoid;
	double loss = 0;

	if (options->loss == FIT_SQUARES) {
		const float *before =
			fit->first_trained > 0 ? room->layers[fit->first_trained - 1].y : room->x;

		return weight *
			loss_squares(n, sums,
				set->targets ? set->targets + number * n : before + (size_t)row * n,
				factor, g);
	}
	if (soft < 1)
		loss = (1 - soft) * of(n, sums, class, NULL, 1, factor * (1 - soft), g);
	if (soft > 0)
		loss += soft * t * t * of(n, sums, -1, p, t, factor * soft * t * t, g);
	return weight * loss;
}

double pass_forward(
	const struct fit *fit, const struct pass *pass, struct pass_room *room, int32_t *predicted)
{
	const struct net *net = fit->net;
	const float *x = room->x;
	double loss = 0;

	for (uint32_t r = 0; r < pass->n_rows; r++)
		memcpy(room->x + (size_t)r * net->n_in,
			pass->set->x + pass_number(pass, r) * net->n_in, net->n_in * sizeof(float));
	for (uint32_t i = 0; i < net->n_layers; i++) {
		const struct net_layer *layer = &net->layers[i];
		const struct pass_layer *l = &room->layers[i];

		net_layer_forward(layer, pass_weights(fit, layer),
			pass_input(fit, pass, room, i, x), pass->n_rows, l->z, l->scratch);
		net_activate(&layer->act, (size_t)pass->n_rows * layer->n_out, l->z, l->y);
		x = l->y;
	}
	if (pass->training)
		memset(room->delta[0], 0, (size_t)pass->n_rows * net->n_out * sizeof(float));
	for (uint32_t r = 0; r < pass->n_rows; r++) {
		const size_t at = (size_t)r * net->n_out;

		loss += pass_row_loss(
			fit, pass, room, r, x + at, pass->training ? room->delta[0] + at : NULL);
		if (predicted)
			predicted[r] = pass_class(x + at, net->n_out);
	}
	return loss;
}

// --- Backward ------------------------------------------------------------------------------------

// The gradients of a dense layer's weights and biases by that of what it gives.
static void pass_layer_gradient(const struct fit *fit, const struct net_layer *layer, uint32_t rows,
	const float *in, const float *delta, float *gradient)
{
	blas_product(layer->n_in, layer->n_out, rows, (struct blas_matrix){ in, layer->n_in, true },
		(struct blas_matrix){ delta, layer->n_out, false }, 0,
		gradient + (layer->weights - fit->net->params));
	if (layer->bias)
		loop_columns(
			rows, layer->n_out, delta, gradient + (layer->bias - fit->net->params));
}

// And that of what comes into it.
static void pass_input_gradient(const struct fit *fit, const struct net_layer *layer, uint32_t rows,
	const float *delta, float *below)
{
	blas_product(rows, layer->n_in, layer->n_out,
		(struct blas_matrix){ delta, layer->n_out, false },
		(struct blas_matrix){ pass_weights(fit, layer), layer->n_out, true }, 0, below);
}

void pass_backward(
	const struct fit *fit, const struct pass *pass, struct pass_room *room, float *gradient)
{
	const struct net *net = fit->net;
	const struct fit_hooks *hooks = &fit->options.hooks;
	float *delta = room->delta[0], *below = room->delta[1];

	for (uint32_t i = net->n_layers; i-- > fit->first_trained;) {
		const struct net_layer *layer = &net->layers[i];
		const struct pass_layer *l = &room->layers[i];
		const size_t count = (size_t)pass->n_rows * layer->n_in;
		const float *in = l->in ? l->in : i > 0 ? room->layers[i - 1].y : room->x;

		loop_act_gradient(
			&layer->act, (size_t)pass->n_rows * layer->n_out, l->z, l->y, delta);
		if (layer->recurrent.steps > 0)
			recurrent_backward(&layer->recurrent, pass_weights(fit, layer), delta,
				pass->n_rows, gradient + (layer->weights - net->params),
				l->scratch);
		else if (layer->weights)
			pass_layer_gradient(fit, layer, pass->n_rows, in, delta, gradient);
		if (i == fit->first_trained)
			return;
		if (layer->weights) {
			float *swapped = delta;

			pass_input_gradient(fit, layer, pass->n_rows, delta, below);
			delta = below;
			below = swapped;
			if (hooks->leave)
				hooks->leave(
					hooks->context, i, in, delta, pass->n_rows, layer->n_in);
		} else {
			loop_scale_columns(pass->n_rows, layer->n_out, layer->scale, delta);
		}
		if (l->mask)
			loop_scale(count, l->mask, delta);
	}
}

// --- Validation ----------------------------------------------------------------------------------

static void pass_judge_work(void *context, uint32_t item, uint32_t thread)
{
	struct fit *fit = context;
	const size_t first = (size_t)item * fit->judge_rows, left = fit->validation.n_rows - first;
	const struct pass pass = { .set = &fit->validation,
		.row_weights = fit->validation_weights,
		.position = fit->judged + first,
		.n_rows = (uint32_t)(left < fit->judge_rows ? left : fit->judge_rows),
		.divide = 1 };

	fit->judged_loss[item] =
		pass_forward(fit, &pass, &fit->rooms[thread], fit->predicted + first);
}

// The mean over the classes that rows bear or are predicted to; rows without a class do not count.
static double pass_macro_f1(const struct fit *fit)
{
	const struct fit_rows *set = &fit->validation;
	const uint32_t n = fit->net->n_out == 1 ? 2 : fit->net->n_out;
	// Of each class: hits, rows that bear it, rows that are predicted to.
	uint64_t(*counts)[3] = calloc(n, sizeof(*counts));
	double sum = 0;
	uint32_t classes = 0;

	if (!counts)
		return NAN;
	for (size_t i = 0; i < set->n_rows; i++) {
		const int32_t class = set->classes[set->index ? set->index[i] : i];

		if (class < 0)
			continue;
		counts[class][0] += class == fit->predicted[i];
		counts[class][1]++;
		counts[fit->predicted[i]][2]++;
	}
	for (uint32_t c = 0; c < n; c++) {
		if (counts[c][1] + counts[c][2] == 0)
			continue;
		sum += 2.0 * (double)counts[c][0] / (double)(counts[c][1] + counts[c][2]);
		classes++;
	}
	free(counts);
	return classes > 0 ? sum / classes : NAN;
}

double pass_judge(struct fit *fit, double *score)
{
	const size_t n_items = (fit->validation.n_rows - 1) / fit->judge_rows + 1;
	double loss = 0;

	fit_use_weights(fit);
	team_run(fit->team, (uint32_t)n_items, pass_judge_work, fit);
	for (size_t i = 0; i < n_items; i++)
		loss += fit->judged_loss[i];
	*score = fit->validation.classes && fit->options.loss != FIT_SQUARES ? pass_macro_f1(fit)
									     : NAN;
	return loss / (double)fit->validation.n_rows;
}
