// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/compress/compress_steps.h"

#include "infer/learn/distil/distil.h"
#include "infer/learn/prune/prune.h"
#include "infer/learn/quantise/quantise.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define STEPS_PRUNING 3  // with training between, for each share here
#define EPOCHS_TUNING 30 // of int8

static int step_prune(const struct compress_job *job, const struct compress_step *step,
	const char *from, enum prune_method method, void **image, size_t *size, struct error *err)
{
	struct prune_options options = PRUNE_DEFAULTS;

	options.method = method;
	options.sparsity = step->amount;
	// Whatever it costs: what is good enough is judged by the rows that no step sees.
	options.max_loss = 1;
	options.steps = STEPS_PRUNING;
	if (step->training > 0)
		options.epochs *= step->training;
	options.seed = job->options->seed;
	options.threads = job->options->threads;
	return model_prune(
		from, job->rows, job->read, &options, job->watch, image, size, NULL, NULL, err);
}

static int step_units(const struct compress_job *job, const struct compress_step *step,
	const char *from, void **image, size_t *size, struct error *err)
{
	return step_prune(job, step, from, PRUNE_STRUCTURED, image, size, err);
}

static int step_trees(const struct compress_job *job, const struct compress_step *step,
	const char *from, void **image, size_t *size, struct error *err)
{
	return step_prune(job, step, from, PRUNE_TREES, image, size, err);
}

static int step_subtrees(const struct compress_job *job, const struct compress_step *step,
	const char *from, void **image, size_t *size, struct error *err)
{
	return step_prune(job, step, from, PRUNE_SUBTREES, image, size, err);
}

static int step_student(const struct compress_job *job, const struct compress_step *step,
	const char *from, enum distil_student student, void **image, size_t *size,
	struct error *err)
{
	struct distil_options options = DISTIL_DEFAULTS;

	options.name = job->name;
	options.student = student;
	options.seed = job->options->seed;
	options.threads = job->options->threads;
	if (student == DISTIL_TREES) {
		options.rounds = step->sizes[0];
		options.depth = step->sizes[1];
	} else {
		options.n_layers = 0;
		for (int i = 0; i < 4 && step->sizes[i] > 0; i++)
			options.layers[options.n_layers++] = step->sizes[i];
	}
	return model_distil(
		from, job->rows, job->read, &options, job->watch, image, size, NULL, NULL, err);
}

static int step_dense(const struct compress_job *job, const struct compress_step *step,
	const char *from, void **image, size_t *size, struct error *err)
{
	return step_student(job, step, from, DISTIL_DENSE, image, size, err);
}

static int step_forest(const struct compress_job *job, const struct compress_step *step,
	const char *from, void **image, size_t *size, struct error *err)
{
	return step_student(job, step, from, DISTIL_TREES, image, size, err);
}

static int step_quantise(const struct compress_job *job, const char *from, enum quantise_bits bits,
	bool tune, void **image, size_t *size, struct error *err)
{
	const struct quantise_request request = {
		.model = from,
		.rows = job->rows,
		.dataset = *job->read,
		.bits = bits,
		// As in step_prune(); but what is tuned is to keep to the bound, if need be with layers in float.
		.max_loss = tune ? fmax(job->options->max_loss, 0) : 1,
		.tune = tune ? EPOCHS_TUNING : 0,
		.tune_always = tune,
		.seed = job->options->seed,
		.watch = job->watch,
	};
	struct quantise_result result;
	struct compile_report report = { 0 };
	int rc = model_quantise(&request, image, size, &result, &report, err);

	if (rc == 0 && tune && !result.tuned && result.n_put_back == 0) {
		free(*image);
		*image = NULL;
		rc = error_set(
			err, -ENOTSUP, "%d epochs of fine-tuning gained nothing", EPOCHS_TUNING);
	}
	quantise_result_fini(&result);
	compile_report_fini(&report);
	return rc;
}

static int step_int8(const struct compress_job *job, const struct compress_step *step,
	const char *from, void **image, size_t *size, struct error *err)
{
	(void)step;
	return step_quantise(job, from, QUANTISE_INT8, false, image, size, err);
}

static int step_int8_tuned(const struct compress_job *job, const struct compress_step *step,
	const char *from, void **image, size_t *size, struct error *err)
{
	(void)step;
	return step_quantise(job, from, QUANTISE_INT8, true, image, size, err);
}

static int step_bf16(const struct compress_job *job, const struct compress_step *step,
	const char *from, void **image, size_t *size, struct error *err)
{
	(void)step;
	return step_quantise(job, from, QUANTISE_BF16, false, image, size, err);
}

static const struct compress_step INT8_TUNED = { "int8 fine-tuned", step_int8_tuned, .last = true };

static const struct compress_step STEPS[] = {
	{ "int8", step_int8, .last = true, .instead = &INT8_TUNED },
	{ "bf16", step_bf16, .last = true },
	{ "student 32-16", step_dense, .sizes = { 32, 16 } },
	{ "units", step_units, .shares = { 0.25, 0.5, 0.75, 0.9, 0.95 } },
	{ "trees", step_trees, .shares = { 0.5, 0.75, 0.9, 0.95 } },
	{ "student of 20 trees", step_forest, .sizes = { 20, 4 } },
	{ "student 16", step_dense, .sizes = { 16 } },
	{ "subtrees", step_subtrees, .shares = { 0.5, 0.75, 0.9 } },
	{ "student 64-32", step_dense, .sizes = { 64, 32 } },
	{ "student of 8 trees", step_forest, .sizes = { 8, 3 } },
	{ "student of 60 trees", step_forest, .sizes = { 60, 6 } },
	{ "student 128-64", step_dense, .sizes = { 128, 64 } },
};

const struct compress_step *compress_step(uint32_t index)
{
	return &STEPS[index];
}

uint32_t compress_n_steps(void)
{
	return sizeof(STEPS) / sizeof(*STEPS);
}
