// SPDX-License-Identifier: BSD-3-Clause
// A header, four arrays of weights, and the SHA-256 of all of it.
#include "infer/learn/net/fit_state.h"

#include "base/sha256.h"
#include "infer/learn/net/fit_internal.h"

#include <stdlib.h>
#include <string.h>

#define STATE_MAGIC "MRTFIT02"

struct state {
	char magic[8];
	uint64_t n_params, n_rows, n_validation;
	uint8_t same[32]; // what must be the same: see state_identity()
	uint32_t epoch, batch, best, zero;
	uint64_t step;
	double loss_sum, first_loss, train_loss, loss, score, best_loss, best_score;
};

// All that the steps to come depend on, beside the rows' values. How many epochs there may be and the patience are not
// in it: an ended training may go on.
static void state_identity(const struct fit *fit, uint8_t digest[32])
{
	const struct fit_options *options = &fit->options;
	const double numbers[] = { options->learning_rate, options->weight_decay, options->clip,
		options->temperature, options->soft, options->loss, options->batch, fit->net->head,
		fit->net->n_in };
	struct sha256 sha;

	sha256_begin(&sha);
	sha256_add(&sha, numbers, sizeof(numbers));
	sha256_add(&sha, &options->seed, sizeof(options->seed));
	for (uint32_t i = 0; i < fit->net->n_layers; i++) {
		const struct net_layer *layer = &fit->net->layers[i];
		const double shape[] = { layer->n_out, layer->weights != NULL, layer->bias != NULL,
			layer->act.kind, layer->act.alpha, layer->act.beta, layer->dropout };

		sha256_add(&sha, shape, sizeof(shape));
		for (uint32_t l = 0; l < layer->recurrent.n_layers; l++) {
			const double recurrent[] = { layer->recurrent.op, layer->recurrent.steps,
				layer->recurrent.hidden[l] };

			sha256_add(&sha, recurrent, sizeof(recurrent));
		}
	}
	sha256_end(&sha, digest);
}

static size_t state_bytes(const struct fit *fit)
{
	return sizeof(struct state) + 4 * fit->net->n_params * sizeof(float) + 32;
}

int fit_save(const struct fit *fit, void **out, size_t *size, struct error *err)
{
	const size_t bytes = fit->net->n_params * sizeof(float);
	const float *const arrays[4] = { fit->net->params, fit->m, fit->v, fit->best_params };
	struct state state = { .n_params = fit->net->n_params,
		.n_rows = fit->rows.n_rows,
		.n_validation = fit->validation.n_rows,
		.epoch = fit->epoch,
		.batch = fit->batch,
		.best = fit->best,
		.step = fit->step,
		.loss_sum = fit->loss_sum,
		.first_loss = fit->first_loss,
		.train_loss = fit->train_loss,
		.loss = fit->loss,
		.score = fit->score,
		.best_loss = fit->best_loss,
		.best_score = fit->best_score };
	char *to;

	*size = state_bytes(fit);
	*out = to = malloc(*size);
	if (!to)
		return error_set(
			err, -ENOMEM, "out of memory for a checkpoint of %zu bytes", *size);
	memcpy(state.magic, STATE_MAGIC, sizeof(state.magic));
	state_identity(fit, state.same);
	memcpy(to, &state, sizeof(state));
	for (uint32_t i = 0; i < 4; i++)
		memcpy(to + sizeof(state) + i * bytes, arrays[i], bytes);
	sha256_of((uint8_t *)to + *size - 32, to, *size - 32);
	return 0;
}

int fit_restore(struct fit *fit, const void *from, size_t size, struct error *err)
{
	const size_t bytes = fit->net->n_params * sizeof(float);
	float *const arrays[4] = { fit->net->params, fit->m, fit->v, fit->best_params };
	const char *at = from;
	struct state state;
	uint8_t digest[32];

	if (size < sizeof(state) + 32 || memcmp(from, STATE_MAGIC, 8) != 0)
		return error_set(err, -EINVAL, "is no checkpoint of a network's training");
	sha256_of(digest, from, size - 32);
	if (memcmp(digest, at + size - 32, 32) != 0)
		return error_set(err, -EINVAL, "is damaged: its SHA-256 is another");
	memcpy(&state, from, sizeof(state));
	state_identity(fit, digest);
	if (memcmp(state.same, digest, 32) != 0 || size != state_bytes(fit))
		return error_set(err, -EINVAL,
			"is of a training with other layers or other options than these");
	if (state.n_rows != fit->rows.n_rows || state.n_validation != fit->validation.n_rows)
		return error_set(err, -EINVAL,
			"is of a training with %zu rows and %zu to validate with, these are %zu "
			"and %zu",
			(size_t)state.n_rows, (size_t)state.n_validation, fit->rows.n_rows,
			fit->validation.n_rows);
	for (uint32_t i = 0; i < 4; i++)
		memcpy(arrays[i], at + sizeof(state) + i * bytes, bytes);
	fit->epoch = state.epoch;
	fit->batch = state.batch;
	fit->best = state.best;
	fit->step = state.step;
	fit->loss_sum = state.loss_sum;
	fit->first_loss = state.first_loss;
	fit->train_loss = state.train_loss;
	fit->loss = state.loss;
	fit->score = state.score;
	fit->best_loss = state.best_loss;
	fit->best_score = state.best_score;
	return 0;
}
