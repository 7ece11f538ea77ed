// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/train/sequence.h"

#include "infer/learn/train/dense.h"
#include "infer/learn/train/network.h"

#include <inttypes.h>

#define UNITS 64
#define CLIP  5 // of the gradient's norm, where the options have none: long windows make it burst

static int sequence_set_up(
	const struct train_job *job, struct recurrent_net *front, struct error *err)
{
	static const uint32_t OTHERWISE[] = { UNITS };
	const struct train_recurrent *how = &job->options->recurrent;
	const struct dataset *set = job->train.set;
	uint32_t widths[NETWORK_LAYERS_MAX];
	int rc;

	if (how->window == 0)
		return error_set(err, -EINVAL,
			"%s takes windows: --window says how many steps of time a row has",
			job->options->kind);
	if (set->n_features % how->window != 0)
		return error_set(err, -EINVAL,
			"%s: rows of %" PRIu32 " features are no windows of %" PRIu32
			" steps: `martletctl model windows` makes such of rows that are steps",
			set->path, set->n_features, how->window);
	// A text's number may be another one in each step's column.
	if (set->n_texts > 0)
		return error_set(err, -EINVAL,
			"%s: \"%s\" is text, %s takes numbers: --drop leaves columns out",
			set->path, set->feature_names[set->texts[0].feature], job->options->kind);
	front->steps = how->window;
	front->n_in = set->n_features / how->window;
	rc = network_widths(how->units, 1, OTHERWISE, widths, &front->n_layers, err);
	for (uint32_t l = 0; rc == 0 && l < front->n_layers && l < RECURRENT_LAYERS_MAX; l++)
		front->hidden[l] = widths[l];
	return rc != 0 ? error_prefix(err, "--units") : recurrent_check(front, err);
}

static int sequence_train(struct train_job *job, enum op op, struct error *err)
{
	const struct train_options *given = job->options;
	struct train_options own = *given;
	struct recurrent_net front = { .op = op };
	int rc = sequence_set_up(job, &front, err);

	if (rc != 0)
		return rc;
	own.steps.clip = own.steps.clip > 0 ? own.steps.clip : CLIP;
	job->options = &own;
	rc = dense_train_behind(job, &front, err);
	job->options = given;
	return rc;
}

int gru_train(struct train_job *job, struct error *err)
{
	return sequence_train(job, OP_GRU, err);
}

int lstm_train(struct train_job *job, struct error *err)
{
	return sequence_train(job, OP_LSTM, err);
}
