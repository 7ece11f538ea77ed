// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/net/fit.h"

#include "base/random.h"
#include "infer/learn/net/fit_internal.h"
#include "infer/learn/net/fit_pass.h"
#include "infer/learn/net/loops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIT_BETA1 0.9
#define FIT_BETA2 0.999
// Without validation rows: by how much the training loss must fall to count as better.
#define FIT_TOLERANCE 1e-4
// An epoch's loss of so many times the first step's will not come back.
#define FIT_EXPLODED 1e4

// --- A step --------------------------------------------------------------------------------------

static void fit_shard_work(void *context, uint32_t shard, uint32_t thread)
{
	struct fit *fit = context;
	const uint32_t first = (uint32_t)((uint64_t)fit->batch_rows * shard / fit->batch_shards);
	const uint32_t end =
		(uint32_t)((uint64_t)fit->batch_rows * (shard + 1) / fit->batch_shards);
	const struct pass pass = { .set = &fit->rows,
		.row_weights = fit->row_weights,
		.position = fit->order + fit->batch_first + first,
		.n_rows = end - first,
		.divide = fit->batch_rows,
		.training = true,
		.draw = (fit->step * FIT_SHARDS_MAX + shard) * NET_LAYERS_MAX };
	float *gradient = fit->gradients + shard * fit->net->n_params;

	fit->shard_loss[shard] = pass_forward(fit, &pass, &fit->rooms[thread], NULL);
	pass_backward(fit, &pass, &fit->rooms[thread], gradient);
}

// Adds the shards' gradients of a stretch of the weights.
static void fit_sum_work(void *context, uint32_t item, uint32_t thread)
{
	struct fit *fit = context;
	const struct stretch *stretch = &fit->stretches[item];
	float *gradient = fit->gradients + stretch->first;
	double squares = 0;

	loop_sum(stretch->count, fit->batch_shards, fit->net->n_params, gradient, gradient);
	for (size_t i = 0; fit->options.clip > 0 && i < stretch->count; i++)
		squares += (double)gradient[i] * gradient[i];
	fit->stretch_squares[item] = squares;
}

static void fit_adam_work(void *context, uint32_t item, uint32_t thread)
{
	struct fit *fit = context;
	const struct stretch *stretch = &fit->stretches[item];
	struct adam adam = fit->adam;

	if (fit->options.clip <= 0)
		fit_sum_work(context, item, thread);
	adam.decay = stretch->decays ? adam.decay : 0;
	loop_adam(&adam, stretch->count, fit->gradients + stretch->first, fit->m + stretch->first,
		fit->v + stretch->first, fit->net->params + stretch->first);
}

static void fit_update(struct fit *fit)
{
	const struct fit_options *options = &fit->options;
	double squares = 0, norm;

	fit->step++;
	fit->adam = (struct adam){ .rate = (float)options->learning_rate,
		.decay = (float)(options->learning_rate * options->weight_decay),
		.one_minus_beta1 = (float)(1 - FIT_BETA1),
		.one_minus_beta2 = (float)(1 - FIT_BETA2),
		.correct1 = (float)(1 / (1 - pow(FIT_BETA1, (double)fit->step))),
		.correct2 = (float)(1 / (1 - pow(FIT_BETA2, (double)fit->step))),
		.scale = 1 };
	if (options->clip > 0) {
		team_run(fit->team, fit->n_stretches, fit_sum_work, fit);
		for (uint32_t i = 0; i < fit->n_stretches; i++)
			squares += fit->stretch_squares[i];
		norm = sqrt(squares);
		if (norm > options->clip)
			fit->adam.scale = (float)(options->clip / norm);
	}
	team_run(fit->team, fit->n_stretches, fit_adam_work, fit);
	if (options->hooks.stepped)
		options->hooks.stepped(options->hooks.context, fit->net, fit->step);
}

static int fit_diverges(const struct fit *fit, const char *how, double loss, struct error *err)
{
	return error_set(err, -EDOM,
		"training diverges in epoch %u, %s (%g): try a lower learning rate than %g, or a "
		"bound of the "
		"gradient",
		fit->epoch + 1, how, loss, fit->options.learning_rate);
}

static int fit_do_step(struct fit *fit, struct error *err)
{
	double loss = 0;

	fit->batch_first = (size_t)fit->batch * fit->options.batch;
	fit->batch_rows = (uint32_t)(fit->rows.n_rows - fit->batch_first < fit->options.batch
			? fit->rows.n_rows - fit->batch_first
			: fit->options.batch);
	fit->batch_shards = fit_shards(fit->batch_rows);
	fit_use_weights(fit);
	team_run(fit->team, fit->batch_shards, fit_shard_work, fit);
	for (uint32_t i = 0; i < fit->batch_shards; i++)
		loss += fit->shard_loss[i];
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
