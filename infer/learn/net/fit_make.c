// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/net/fit_make.h"

#include "infer/learn/net/fit_internal.h"
#include "infer/learn/net/fit_pass.h"
#include "infer/learn/net/fit_room.h"
#include "infer/learn/net/fit_update.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// --- Checks --------------------------------------------------------------------------------------

static int fit_check_row(
	const struct fit *fit, const struct fit_rows *rows, size_t number, struct error *err)
{
	const uint32_t n_out = fit->net->n_out;
	const int32_t n_classes =
		fit->options.loss == FIT_SIGMOID && n_out == 1 ? 2 : (int32_t)n_out;
	const int32_t class = rows->classes ? rows->classes[number] : -1;

	for (uint32_t c = 0; c < fit->net->n_in; c++) {
		if (!isfinite(rows->x[number * fit->net->n_in + c]))
			return error_set(err, -EINVAL,
				"row %zu: feature %u is %f, a network takes finite numbers",
				number + 1, c, (double)rows->x[number * fit->net->n_in + c]);
	}
	if (fit->options.loss == FIT_SQUARES) {
		for (uint32_t i = 0; rows->targets && i < n_out; i++) {
			if (!isfinite(rows->targets[number * n_out + i]))
				return error_set(err, -EINVAL,
					"row %zu: the number that it is aimed at is not finite",
					number + 1);
		}
	} else if (class >= n_classes || (class < 0 && !rows->probabilities)) {
		return error_set(err, -EINVAL, "row %zu bears no class of the %d that there are",
			number + 1, n_classes);
	}
	if (rows->weights && !(rows->weights[number] > 0 && isfinite(rows->weights[number])))
		return error_set(err, -EINVAL, "row %zu: its weight %g is not above 0", number + 1,
			(double)rows->weights[number]);
	return 0;
}

static int fit_check_rows(const struct fit *fit, const struct fit_rows *rows, struct error *err)
{
	if (rows->n_rows > UINT32_MAX / 2)
		return error_set(err, -EINVAL, "%zu rows are more than can be trained with (%u)",
			rows->n_rows, UINT32_MAX / 2);
	for (size_t i = 0; i < rows->n_rows; i++) {
		int rc = fit_check_row(fit, rows, rows->index ? rows->index[i] : i, err);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static int fit_check(const struct fit *fit, struct error *err)
{
	static const char *const LOSS[] = { "softmax cross entropy", "sigmoid cross entropy",
		"squared error" };
	const struct net *net = fit->net;
	const enum fit_loss loss = fit->options.loss;
	const bool right = loss == FIT_SOFTMAX ? net->head != NET_SIGMOID && net->n_out > 1
		: loss == FIT_SIGMOID          ? net->head == NET_SIGMOID || net->head == NET_PLAIN
					       : net->head == NET_PLAIN;
	const uint32_t before =
		fit->first_trained > 0 ? net->layers[fit->first_trained - 1].n_out : net->n_in;
	int rc;

	if (!right)
		return error_set(err, -EINVAL,
			"%s is no loss of a network of %u outputs with such a last layer",
			LOSS[loss], net->n_out);
	if (fit->first_trained == net->n_layers)
		return error_set(err, -EINVAL, "the network has no weights to train");
	if (fit->rows.n_rows == 0)
		return error_set(err, -EINVAL, "there are no rows to train with");
	if (loss == FIT_SQUARES && !fit->rows.targets && before != net->n_out)
		return error_set(err, -EINVAL,
			"a network of %u outputs does not give %u inputs back", net->n_out, before);
	rc = fit_check_rows(fit, &fit->rows, err);
	return rc != 0 ? rc : fit_check_rows(fit, &fit->validation, err);
}

// --- Memory --------------------------------------------------------------------------------------

// Weights of the rows by their position, all 1 on the average.
static float *fit_row_weights(const struct fit *fit, const struct fit_rows *rows)
{
	float *weights = calloc(rows->n_rows, sizeof(*weights));
	double sum = 0;

	for (size_t i = 0; weights && i < rows->n_rows; i++) {
		const size_t number = rows->index ? rows->index[i] : i;
		const int32_t class = rows->classes ? rows->classes[number] : -1;

		weights[i] = rows->weights ? rows->weights[number] : 1;
		if (class >= 0 && fit->options.class_weights)
			weights[i] *= fit->options.class_weights[class];
		sum += weights[i];
	}
	for (size_t i = 0; weights && i < rows->n_rows; i++)
		weights[i] = (float)(weights[i] * ((double)rows->n_rows / sum));
	return weights;
}

// That a round has.
static uint32_t fit_most_rows(const struct fit *fit)
{
	return fit->options.batch < FIT_ROUND_ROWS ? fit->options.batch : FIT_ROUND_ROWS;
}

static bool fit_allocate(struct fit *fit)
{
	const size_t bytes = (fit->net->n_params + 16) * sizeof(float);
	const size_t judged = fit->validation.n_rows;
	const size_t shards = fit_shards(fit_most_rows(fit));

	fit->m = aligned_alloc(64, bytes);
	fit->v = aligned_alloc(64, bytes);
	fit->best_params = aligned_alloc(64, bytes);
	fit->gradient = aligned_alloc(64, bytes);
	fit->transposed = aligned_alloc(64, bytes);
	fit->recurrent_gradients = calloc(fit->recurrent_floats * shards + 1, sizeof(float));
	fit->order = calloc(fit->rows.n_rows, sizeof(*fit->order));
	fit->judged = calloc(judged + 1, sizeof(*fit->judged));
	fit->predicted = calloc(judged + 1, sizeof(*fit->predicted));
	fit->judged_loss = calloc(judged / fit->judge_rows + 1, sizeof(*fit->judged_loss));
	if (fit->options.hooks.use)
		fit->used = aligned_alloc(64, bytes);
	if (fit->rows.weights || fit->options.class_weights)
		fit->row_weights = fit_row_weights(fit, &fit->rows);
	if (judged > 0 && fit->row_weights)
		fit->validation_weights = fit_row_weights(fit, &fit->validation);
	if (!fit->m || !fit->v || !fit->best_params || !fit->gradient || !fit->transposed ||
		!fit->recurrent_gradients || !fit->order || !fit->judged || !fit->predicted ||
		!fit->judged_loss || (fit->options.hooks.use && !fit->used) ||
		((fit->rows.weights || fit->options.class_weights) && !fit->row_weights) ||
		(judged > 0 && fit->row_weights && !fit->validation_weights))
		return false;
	memset(fit->m, 0, bytes);
	memset(fit->v, 0, bytes);
	memset(fit->best_params, 0, bytes);
	memset(fit->gradient, 0, bytes);
	for (size_t i = 0; i < judged; i++)
		fit->judged[i] = (uint32_t)i;
	return true;
}

static int fit_make_room(struct fit *fit, struct error *err)
{
	const uint32_t threads = team_threads(fit->team);
	const uint32_t judged = fit->validation.n_rows > 0 ? threads * fit->judge_rows : 0;

	return pass_room_init(
		fit, fit_most_rows(fit), judged, threads, 2 * FIT_SHARD_ROWS, &fit->room, err);
}

static void fit_fill_defaults(struct fit *fit)
{
	struct fit_options *options = &fit->options;

	if (options->learning_rate <= 0)
		options->learning_rate = 1e-3;
	if (options->temperature <= 0)
		options->temperature = 1;
	if (options->epochs == 0)
		options->epochs = 200;
	if (options->batch == 0)
		options->batch = 200;
	if (options->batch > fit->rows.n_rows)
		options->batch = (uint32_t)fit->rows.n_rows;
}

// All that a checked training needs.
static int fit_make(struct fit *fit, struct error *err)
{
	const struct net_layer *first = &fit->net->layers[fit->first_trained];
	int rc;

	fit_fill_defaults(fit);
	fit->recurrent_floats = first->recurrent.steps > 0 ? net_layer_weights(first) : 0;
	fit->judge_rows = first->recurrent.steps > 0 ? 2 * FIT_SHARD_ROWS : FIT_JUDGE_ROWS;
	if (!fit_allocate(fit))
		return error_set(err, -ENOMEM, "out of memory to train %zu weights with %zu rows",
			fit->net->n_params, fit->rows.n_rows);
	fit->team = team_create(fit->options.threads);
	if (!fit->team)
		return error_set(err, -ENOMEM, "no memory for %u threads", fit->options.threads);
	rc = fit_cut_pieces(fit, err);
	return rc != 0 ? rc : fit_make_room(fit, err);
}

int fit_create(struct net *net, const struct fit_rows *rows, const struct fit_rows *validation,
	const struct fit_options *options, struct fit **out, struct error *err)
{
	struct fit *fit = calloc(1, sizeof(*fit));
	int rc;

	*out = NULL;
	if (!fit)
		return error_set(err, -ENOMEM, "out of memory for a training");
	fit->net = net;
	fit->options = *options;
	fit->rows = *rows;
	if (validation)
		fit->validation = *validation;
	while (fit->first_trained < net->n_layers && !net->layers[fit->first_trained].weights)
		fit->first_trained++;
	rc = fit_check(fit, err);
	if (rc == 0)
		rc = fit_make(fit, err);
	if (rc == 0)
		*out = fit;
	else
		fit_destroy(fit);
	return rc;
}

void fit_destroy(struct fit *fit)
{
	if (!fit)
		return;
	pass_room_fini(&fit->room);
	team_destroy(fit->team);
	free(fit->used);
	free(fit->m);
	free(fit->v);
	free(fit->best_params);
	free(fit->gradient);
	free(fit->transposed);
	free(fit->recurrent_gradients);
	free(fit->row_weights);
	free(fit->validation_weights);
	free(fit->order);
	free(fit->judged);
	free(fit->predicted);
	free(fit->judged_loss);
	free(fit->pieces);
	free(fit);
}
