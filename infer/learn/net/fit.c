// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/net/fit.h"

#include "base/random.h"
#include "infer/learn/net/fit_internal.h"
#include "infer/learn/net/fit_pass.h"
#include "infer/learn/net/fit_update.h"

#include <math.h>
#include <string.h>

// Without validation rows: by how much the training loss must fall to count as better.
#define FIT_TOLERANCE 1e-4
// An epoch's loss of so many times the first step's will not come back.
#define FIT_EXPLODED 1e4

// --- A step --------------------------------------------------------------------------------------

static void fit_shard_work(void *context, uint32_t shard, uint32_t thread)
{
	struct fit *fit = context;
	const uint32_t first = (uint32_t)((uint64_t)fit->round_rows * shard / fit->round_shards);
	const uint32_t end =
		(uint32_t)((uint64_t)fit->round_rows * (shard + 1) / fit->round_shards);
	const size_t row = fit->batch_first + fit->round_first + first;
	const struct pass pass = { .set = &fit->rows,
		.row_weights = fit->row_weights,
		.position = fit->order + row,
		.n_rows = end - first,
		.first = first,
		.thread = thread,
		.divide = fit->batch_rows,
		.training = true,
		.draw = (fit->epoch * (uint64_t)fit->rows.n_rows + row) * NET_LAYERS_MAX };

	fit->shard_loss[shard] = pass_forward(fit, &pass, NULL);
	pass_backward(fit, &pass, fit->recurrent_gradients + shard * fit->recurrent_floats);
}

static int fit_diverges(const struct fit *fit, const char *how, double loss, struct error *err)
{
	return error_set(err, -EDOM,
		"training diverges in epoch %u, %s (%g): try a lower learning rate than %g, or a "
		"bound of the "
		"gradient",
		fit->epoch + 1, how, loss, fit->options.learning_rate);
}

// Forward and backward with round `round` of `n_rounds`; returns the sum of its rows' losses.
static double fit_do_round(struct fit *fit, uint32_t round, uint32_t n_rounds)
{
	const uint64_t rows = fit->batch_rows;
	double loss = 0;

	fit->round_first = (uint32_t)(rows * round / n_rounds);
	fit->round_rows = (uint32_t)(rows * (round + 1) / n_rounds) - fit->round_first;
	fit->round_shards = fit_shards(fit->round_rows);
	team_run(fit->team, fit->round_shards, fit_shard_work, fit);
	for (uint32_t i = 0; i < fit->round_shards; i++)
		loss += fit->shard_loss[i];
	return loss;
}

static int fit_do_step(struct fit *fit, struct error *err)
{
	uint32_t n_rounds;
	double loss = 0;

	fit->batch_first = (size_t)fit->batch * fit->options.batch;
	fit->batch_rows = (uint32_t)(fit->rows.n_rows - fit->batch_first < fit->options.batch
			? fit->rows.n_rows - fit->batch_first
			: fit->options.batch);
	n_rounds = (fit->batch_rows - 1) / FIT_ROUND_ROWS + 1;
	fit_use_weights(fit);
	fit_transpose_weights(fit);
	for (uint32_t i = 0; i < n_rounds; i++) {
		loss += fit_do_round(fit, i, n_rounds);
		if (i + 1 < n_rounds)
			fit_add_round(fit);
	}
	if (!isfinite(loss))
		return fit_diverges(fit, "the loss is no number any more", loss, err);
	if (fit->step == 0)
		fit->first_loss = loss / fit->batch_rows;
	fit_update(fit);
	fit->loss_sum += loss;
	fit->batch++;
	return 0;
}

// --- An epoch ------------------------------------------------------------------------------------

static void fit_shuffle(struct fit *fit)
{
	// Streams far from those of dropout, which count up from 0.
	uint64_t state = random_start(fit->options.seed, UINT64_MAX / 2 + fit->epoch);

	for (size_t i = 0; i < fit->rows.n_rows; i++)
		fit->order[i] = (uint32_t)i;
	for (size_t i = fit->rows.n_rows; i > 1; i--) {
		const size_t other = (size_t)random_below(&state, i);
		const uint32_t swapped = fit->order[i - 1];

		fit->order[i - 1] = fit->order[other];
		fit->order[other] = swapped;
	}
}

// Macro F1 of classes, or NaN.
static void fit_judge(struct fit *fit)
{
	fit->loss = fit->train_loss;
	fit->score = NAN;
	if (fit->validation.n_rows > 0)
		fit->loss = pass_judge(fit, &fit->score);
}

static bool fit_is_better(const struct fit *fit)
{
	if (fit->best == 0)
		return true;
	if (fit->validation.n_rows == 0)
		return fit->loss < fit->best_loss - FIT_TOLERANCE;
	if (isnan(fit->score) || fit->score == fit->best_score)
		return fit->loss < fit->best_loss;
	return fit->score > fit->best_score;
}

static int fit_end_epoch(struct fit *fit, struct error *err)
{
	fit->train_loss = fit->loss_sum / (double)fit->rows.n_rows;
	fit_judge(fit);
	if (!net_is_finite(fit->net) || !isfinite(fit->loss))
		return fit_diverges(fit, "the weights are no numbers any more", fit->loss, err);
	if (fit->train_loss > FIT_EXPLODED * fmax(fit->first_loss, 1e-3))
		return fit_diverges(fit, "the loss explodes", fit->train_loss, err);
	fit->epoch++;
	fit->batch = 0;
	fit->loss_sum = 0;
	if (fit_is_better(fit)) {
		fit->best = fit->epoch;
		fit->best_loss = fit->loss;
		fit->best_score = fit->score;
		if (fit->validation.n_rows > 0)
			memcpy(fit->best_params, fit->net->params,
				fit->net->n_params * sizeof(float));
	}
	return 0;
}

static bool fit_goes_on(struct fit *fit)
{
	const struct learn_watch *watch = fit->options.watch;
	const uint64_t batches = (fit->rows.n_rows - 1) / fit->options.batch + 1;
	const uint64_t seen = (uint64_t)fit->batch * fit->options.batch;
	const struct learn_progress progress = { .stage = "steps",
		.done = fit->epoch * batches + fit->batch,
		.total = fit->options.epochs * batches,
		.loss = fit->batch > 0 ? fit->loss_sum /
				(double)(seen < fit->rows.n_rows ? seen : fit->rows.n_rows)
			: fit->epoch > 0 ? fit->train_loss
					 : NAN,
		.score = fit->epoch == 0 || fit->validation.n_rows == 0 ? NAN
			: isnan(fit->score)                             ? fit->loss
									: fit->score,
		.score_name = isnan(fit->score) ? "loss" : "F1" };

	return !watch || !watch->step || watch->step(watch->context, &progress);
}

static int fit_pause(struct fit *fit, enum fit_moment moment, struct error *err)
{
	return fit->options.pause ? fit->options.pause(fit->options.pause_context, fit, moment, err)
				  : 0;
}

// Between two steps.
static int fit_between(struct fit *fit, enum fit_moment moment, struct error *err)
{
	int rc;

	if (fit_goes_on(fit))
		return fit_pause(fit, moment, err);
	rc = fit_pause(fit, FIT_CANCELED, err);
	return rc != 0 ? rc : error_set(err, -ECANCELED, "ended in epoch %u", fit->epoch + 1);
}

static int fit_do_epoch(struct fit *fit, struct error *err)
{
	const size_t batches = (fit->rows.n_rows - 1) / fit->options.batch + 1;
	int rc = 0;

	fit_shuffle(fit);
	while (rc == 0 && fit->batch < batches) {
		rc = fit_do_step(fit, err);
		if (rc == 0 && fit->batch < batches)
			rc = fit_between(fit, FIT_STEP, err);
	}
	if (rc == 0)
		rc = fit_end_epoch(fit, err);
	return rc != 0 ? rc : fit_between(fit, FIT_EPOCH, err);
}

int fit_run(struct fit *fit, struct fit_result *result, struct error *err)
{
	const uint32_t patience = fit->options.patience;
	bool stopped = false;
	int rc = 0;

	while (rc == 0 && !stopped && fit->epoch < fit->options.epochs) {
		rc = fit_do_epoch(fit, err);
		stopped = patience > 0 && fit->epoch - fit->best >= patience;
	}
	if (fit->validation.n_rows > 0 && fit->best > 0)
		memcpy(fit->net->params, fit->best_params, fit->net->n_params * sizeof(float));
	*result = (struct fit_result){ .epochs = fit->epoch,
		.best = fit->validation.n_rows > 0 ? fit->best : fit->epoch,
		.train_loss = fit->train_loss,
		.loss = fit->validation.n_rows > 0 ? fit->best_loss : fit->train_loss,
		.score = fit->validation.n_rows > 0 ? fit->best_score : NAN,
		.stopped = stopped };
	return rc;
}

int fit_net(struct net *net, const struct fit_rows *rows, const struct fit_rows *validation,
	const struct fit_options *options, struct fit_result *result, struct error *err)
{
	struct fit_result own;
	struct fit *fit;
	int rc = fit_create(net, rows, validation, options, &fit, err);

	if (rc == 0)
		rc = fit_run(fit, result ? result : &own, err);
	fit_destroy(fit);
	return rc;
}
