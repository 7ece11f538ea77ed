// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/train/network.h"

#include "base/clock.h"
#include "base/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// A checkpoint: its magic, the job's identity, and fit_save()'s bytes.
#define NETWORK_MAGIC     "MRTTRN01"
#define NETWORK_HEAD      (8 + 32)
#define NETWORK_BYTES_MAX ((size_t)4 << 30)
#define NETWORK_PATIENCE  20
#define NETWORK_EVERY_NS  (5 * CLOCK_SECOND_NS)

// --- Layers --------------------------------------------------------------------------------------

int network_widths(const char *layers, uint32_t n_otherwise, const uint32_t *otherwise,
	uint32_t widths[NETWORK_LAYERS_MAX], uint32_t *n, struct error *err)
{
	const char *at = layers;

	*n = 0;
	if (!layers) {
		*n = n_otherwise;
		memcpy(widths, otherwise, n_otherwise * sizeof(*widths));
		return 0;
	}
	if (strcmp(layers, "none") == 0)
		return 0;
	for (;;) {
		char *end;
		const unsigned long width = strtoul(at, &end, 10);

		if (*at < '1' || *at > '9' || width > NET_WIDTH_MAX || (*end && *end != ','))
			return error_set(err, -EINVAL,
				"layers '%s': should be widths of 1 to %d, as in 64,32, or none",
				layers, NET_WIDTH_MAX);
		if (*n == NETWORK_LAYERS_MAX)
			return error_set(err, -EINVAL, "layers '%s': are more than %d", layers,
				NETWORK_LAYERS_MAX);
		widths[(*n)++] = (uint32_t)width;
		if (!*end)
			return 0;
		at = end + 1;
	}
}

struct net_shape network_hidden(const struct train_network *network, uint32_t width)
{
	static const enum activation KIND[] = { [TRAIN_RELU] = ACTIVATION_RELU,
		[TRAIN_TANH] = ACTIVATION_TANH,
		[TRAIN_SIGMOID_UNITS] = ACTIVATION_SIGMOID,
		[TRAIN_LEAKY_RELU] = ACTIVATION_LEAKY_RELU,
		[TRAIN_ELU] = ACTIVATION_ELU,
		[TRAIN_GELU] = ACTIVATION_GELU };

	return (struct net_shape){ .n_out = width,
		.bias = true,
		.act = act_defaults(KIND[network->activation]),
		.dropout = (float)network->dropout };
}

// --- Scaling -------------------------------------------------------------------------------------

struct moments {
	double mean, deviation;
	bool constant; // or as good as
};

static struct moments network_moments(const struct dataset_part *rows, uint32_t feature)
{
	const struct dataset *set = rows->set;
	const size_t width = set->n_features;
	const float first = set->values[rows->index[0] * width + feature];
	struct moments moments = { .constant = true };
	double sum = 0;

	for (size_t i = 0; i < rows->n; i++) {
		const float x = set->values[rows->index[i] * width + feature];

		moments.constant = moments.constant && x == first;
		sum += x;
	}
	moments.mean = moments.constant ? first : sum / (double)rows->n;
	sum = 0;
	for (size_t i = 0; i < rows->n; i++) {
		const double d =
			(double)set->values[rows->index[i] * width + feature] - moments.mean;

		sum += d * d;
	}
	moments.deviation = sqrt(sum / (double)rows->n);
	// One whose inverse is no float any more tells nothing either.
	moments.constant = moments.constant || !isfinite((float)(1 / moments.deviation));
	return moments;
}

int network_check_rows(const struct dataset_part *rows, struct error *err)
{
	const struct dataset *set = rows->set;

	for (size_t i = 0; i < rows->n; i++) {
		const float *x = set->values + (size_t)rows->index[i] * set->n_features;

		for (uint32_t f = 0; f < set->n_features; f++) {
			if (isfinite(x[f]))
				continue;
			return error_set(err, -EINVAL,
				"%s: row %" PRIu32 ": %s is %s, a network takes finite numbers",
				set->path, rows->index[i] + 1, set->feature_names[f],
				isnan(x[f]) ? "missing" : "infinite");
		}
	}
	return 0;
}

int network_scale(struct net *net, const struct dataset_part *rows, bool keep_constant,
	struct compile_report *report, struct error *err)
{
	struct net_layer *affine = &net->layers[0];
	uint32_t constant = 0;
	int rc = network_check_rows(rows, err);

	// Categories stay 0 and 1: a rare one's deviation would make it outweigh all else.
	for (uint32_t f = net->n_in - rows->set->n_one_hot; rc == 0 && f < net->n_in; f++)
		affine->scale[f] = 1;
	for (uint32_t f = 0; rc == 0 && f < net->n_in - rows->set->n_one_hot; f++) {
		const struct moments moments = network_moments(rows, f);
		double scale = 1 / moments.deviation;

		if (moments.constant)
			scale = keep_constant ? 1 / fmax(1, fabs(moments.mean)) : 0;
		affine->scale[f] = (float)scale;
		affine->bias[f] = (float)(-moments.mean * scale);
		constant += moments.constant;
	}
	if (rc == 0 && constant == net->n_in && !keep_constant)
		return error_set(err, -EINVAL,
			"%s: all %u features are the same in all rows that are learnt from: there "
			"is nothing to learn",
			rows->set->path, net->n_in);
	if (rc == 0 && constant > 0)
		report_add(report,
			"%u of %u features are the same in all rows that are learnt from%s",
			constant, net->n_in,
			keep_constant ? "" : ": the network does not look at them");
	return rc;
}

// --- Training ------------------------------------------------------------------------------------

struct network_keeper {
	struct train_job *job;
	uint64_t kept_ns; // when the last checkpoint was written; 0: none was
};

static int network_keep(struct network_keeper *keeper, const struct fit *fit, struct error *err)
{
	const struct train_checkpoint *to = &keeper->job->options->checkpoint;
	void *state;
	char *bytes;
	size_t size;
	int rc = fit_save(fit, &state, &size, err);

	if (rc != 0)
		return rc;
	bytes = malloc(NETWORK_HEAD + size);
	if (bytes) {
		memcpy(bytes, NETWORK_MAGIC, 8);
		memcpy(bytes + 8, keeper->job->identity, 32);
		memcpy(bytes + NETWORK_HEAD, state, size);
		rc = to->write(to->context, bytes, NETWORK_HEAD + size, err);
	} else {
		rc = error_set(err, -ENOMEM, "out of memory for a checkpoint of %zu bytes", size);
	}
	free(bytes);
	free(state);
	keeper->kept_ns = clock_ns();
	return rc;
}

static int network_pause(
	void *context, const struct fit *fit, enum fit_moment moment, struct error *err)
{
	struct network_keeper *keeper = context;

	if (moment == FIT_STEP &&
		(keeper->kept_ns == 0 || clock_ns() - keeper->kept_ns < 6 * NETWORK_EVERY_NS))
		return 0;
	if (moment == FIT_EPOCH && keeper->kept_ns != 0 &&
		clock_ns() - keeper->kept_ns < NETWORK_EVERY_NS)
		return 0;
	return network_keep(keeper, fit, err);
}

static int network_resume(const struct train_job *job, struct fit *fit, struct error *err)
{
	const char *path = job->options->checkpoint.resume;
	size_t size = 0;
	void *bytes;
	int rc = file_read(path, NETWORK_BYTES_MAX, &bytes, &size, err);

	if (rc != 0)
		return rc;
	if (size < NETWORK_HEAD || memcmp(bytes, NETWORK_MAGIC, 8) != 0)
		rc = error_set(err, -EINVAL, "%s: is no checkpoint of a training", path);
	else if (memcmp((char *)bytes + 8, job->identity, 32) != 0)
		rc = error_set(err, -EINVAL,
			"%s: is of a training with other rows or other options than these", path);
	else if (fit_restore(fit, (char *)bytes + NETWORK_HEAD, size - NETWORK_HEAD, err) != 0)
		rc = error_prefix(err, "%s", path);
	free(bytes);
	return rc;
}

bool network_resumes(const struct train_job *job)
{
	const char *path = job->options->checkpoint.resume;
	struct error err;
	size_t size = 0;
	void *bytes = NULL;
	bool is;

	if (!path || file_read(path, NETWORK_BYTES_MAX, &bytes, &size, &err) != 0)
		return false;
	is = size >= NETWORK_HEAD && memcmp((char *)bytes + 8, job->identity, 32) == 0;
	free(bytes);
	return is;
}

int network_fit(struct train_job *job, struct net *net, const struct fit_rows *rows,
	const struct fit_rows *validation, const struct fit_options *aims,
	struct fit_result *result, struct error *err)
{
	const struct train_steps *steps = &job->options->steps;
	struct network_keeper keeper = { .job = job };
	struct fit_options options = *aims;
	struct fit *fit;
	int rc;

	options.learning_rate = steps->learning_rate;
	options.weight_decay = steps->weight_decay;
	options.clip = steps->clip;
	options.batch = steps->batch;
	options.epochs = steps->epochs;
	options.patience = steps->patience > 0 ? steps->patience : NETWORK_PATIENCE;
	options.threads = job->options->threads;
	options.seed = job->options->seed;
	options.watch = job->watch;
	if (job->options->checkpoint.write) {
		options.pause = network_pause;
		options.pause_context = &keeper;
	}
	rc = fit_create(net, rows, validation, &options, &fit, err);
	if (rc == 0 && job->options->checkpoint.resume)
		rc = network_resume(job, fit, err);
	if (job->options->checkpoint.write)
		learn_spare(job->watch, LEARN_CHECKPOINT);
	if (rc == 0)
		rc = fit_run(fit, result, err);
	if (rc == 0 || rc == -ECANCELED) // of a checkpoint that failed is told
		learn_spare(job->watch, 0);
	fit_destroy(fit);
	return rc;
}
