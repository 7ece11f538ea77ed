// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/net/fit_pass.h"

#include "base/random.h"
#include "infer/learn/net/blas.h"
#include "infer/learn/net/fit_room.h"
#include "infer/learn/net/loops.h"
#include "infer/learn/net/loss.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

uint32_t fit_shards(uint32_t rows)
{
	uint32_t shards = 1;

	while (shards < FIT_SHARDS_MAX && rows / (2 * shards) >= FIT_SHARD_ROWS)
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

// --- Forward -------------------------------------------------------------------------------------

static size_t pass_number(const struct pass *pass, uint32_t row)
{
	const uint32_t position = pass->position[row];

	return pass->set->index ? pass->set->index[position] : position;
}

// The pass's rows as they come to layer `i`.
static float *pass_before(const struct fit *fit, const struct pass *pass, uint32_t i)
{
	float *all = i > 0 ? fit->room.layers[i - 1].y : fit->room.x;

	return all + (size_t)pass->first * fit->net->layers[i].n_in;
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

// What layer `i` multiplies: what comes out of the one before, or a copy of it.
static const float *pass_input(const struct fit *fit, const struct pass *pass, uint32_t i)
{
	const struct fit_hooks *hooks = &fit->options.hooks;
	const struct net_layer *layer = &fit->net->layers[i];
	const struct pass_layer l = pass_room_layer(fit, i, pass->first);
	const size_t count = (size_t)pass->n_rows * layer->n_in;

	if (!l.in)
		return pass_room_in(fit, i, pass->first);
	memcpy(l.in, pass_before(fit, pass, i), count * sizeof(float));
	if (l.mask && pass->training) {
		pass_drop(
			pass, fit->options.seed, i, fit->net->layers[i - 1].dropout, count, l.mask);
		loop_scale(count, l.mask, l.in);
	}
	if (layer->weights && hooks->enter)
		hooks->enter(hooks->context, i, l.in, pass->n_rows, layer->n_in);
	return l.in;
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
static double pass_row_loss(
	const struct fit *fit, const struct pass *pass, uint32_t row, const float *sums, float *g)
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
		const float *before = pass_before(fit, pass, fit->first_trained);

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

static float *pass_scratch(const struct fit *fit, const struct pass *pass)
{
	return fit->room.scratch + pass->thread * fit->room.scratch_floats;
}

double pass_forward(const struct fit *fit, const struct pass *pass, int32_t *predicted)
{
	const struct net *net = fit->net;
	float *x = pass_before(fit, pass, 0);
	const struct pass_layer last = pass_room_layer(fit, net->n_layers - 1, pass->first);
	double loss = 0;

	for (uint32_t r = 0; r < pass->n_rows; r++)
		memcpy(x + (size_t)r * net->n_in, pass->set->x + pass_number(pass, r) * net->n_in,
			net->n_in * sizeof(float));
	for (uint32_t i = 0; i < net->n_layers; i++) {
		const struct net_layer *layer = &net->layers[i];
		const struct pass_layer l = pass_room_layer(fit, i, pass->first);

		net_layer_forward(layer, pass_weights(fit, layer), pass_input(fit, pass, i),
			pass->n_rows, l.z, pass_scratch(fit, pass));
		net_activate(&layer->act, (size_t)pass->n_rows * layer->n_out, l.z, l.y);
	}
	if (pass->training)
		memset(last.delta, 0, (size_t)pass->n_rows * net->n_out * sizeof(float));
	for (uint32_t r = 0; r < pass->n_rows; r++) {
		const size_t at = (size_t)r * net->n_out;

		loss += pass_row_loss(
			fit, pass, r, last.y + at, pass->training ? last.delta + at : NULL);
		if (predicted)
			predicted[r] = pass_class(last.y + at, net->n_out);
	}
	return loss;
}

// --- Backward ------------------------------------------------------------------------------------

// From the gradient of what layer `i` gives to that of what comes into it.
static void pass_layer_back(
	const struct fit *fit, const struct pass *pass, uint32_t i, const float *delta)
{
	const struct fit_hooks *hooks = &fit->options.hooks;
	const struct net_layer *layer = &fit->net->layers[i];
	const struct pass_layer l = pass_room_layer(fit, i, pass->first);
	float *below = pass_room_layer(fit, i - 1, pass->first).delta;

	if (layer->weights) {
		blas_product(pass->n_rows, layer->n_in, layer->n_out,
			(struct blas_matrix){ delta, layer->n_out, false },
			(struct blas_matrix){ fit->transposed + (layer->weights - fit->net->params),
				layer->n_in, false },
			false, below);
		if (hooks->leave)
			hooks->leave(hooks->context, i, pass_room_in(fit, i, pass->first), below,
				pass->n_rows, layer->n_in);
	} else {
		loop_scale_columns(pass->n_rows, layer->n_out, layer->scale, below);
	}
	if (l.mask)
		loop_scale((size_t)pass->n_rows * layer->n_in, l.mask, below);
}

void pass_backward(const struct fit *fit, const struct pass *pass, float *recurrent)
{
	for (uint32_t i = fit->net->n_layers; i-- > fit->first_trained;) {
		const struct net_layer *layer = &fit->net->layers[i];
		const struct pass_layer l = pass_room_layer(fit, i, pass->first);

		loop_act_gradient(
			&layer->act, (size_t)pass->n_rows * layer->n_out, l.z, l.y, l.delta);
		if (layer->recurrent.steps > 0)
			recurrent_backward(&layer->recurrent, pass_weights(fit, layer), l.delta,
				pass->n_rows, recurrent, pass_scratch(fit, pass));
		if (i > fit->first_trained)
			pass_layer_back(fit, pass, i, l.delta);
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
		.first = thread * fit->judge_rows,
		.thread = thread,
		.divide = 1 };

	fit->judged_loss[item] = pass_forward(fit, &pass, fit->predicted + first);
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
