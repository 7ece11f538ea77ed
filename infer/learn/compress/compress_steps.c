// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/compress/compress_steps.h"

#include "infer/learn/distil/distil.h"
#include "infer/learn/prune/prune.h"
#include "infer/learn/quantise/quantise.h"

#define STEPS_PRUNING 4 // of training between, for each step here

static int step_prune(const struct compress_job *job, const struct compress_step *step,
	const char *from, enum prune_method method, void **image, size_t *size, struct error *err)
{
	struct prune_options options = PRUNE_DEFAULTS;

	options.method = method;
	options.sparsity = step->amount;
	// Whatever it costs: what is good enough is judged by the rows that no step sees.
	options.max_loss = 1;
	options.steps = STEPS_PRUNING;
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
	void **image, size_t *size, struct error *err)
{
	const struct quantise_request request = {
		.model = from,
		.rows = job->rows,
		.dataset = *job->read,
		.bits = bits,
		.max_loss = 1, // as in step_prune()
		.seed = job->options->seed,
		.watch = job->watch,
	};
	struct quantise_result result;
	struct compile_report report = { 0 };
	int rc = model_quantise(&request, image, size, &result, &report, err);

	quantise_result_fini(&result);
	compile_report_fini(&report);
	return rc;
}

static int step_int8(const struct compress_job *job, const struct compress_step *step,
	const char *from, void **image, size_t *size, struct error *err)
{
	(void)step;
	return step_quantise(job, from, QUANTISE_INT8, image, size, err);
}

static int step_bf16(const struct compress_job *job, const struct compress_step *step,
	const char *from, void **image, size_t *size, struct error *err)
{
	(void)step;
	return step_quantise(job, from, QUANTISE_BF16, image, size, err);
}

static const struct compress_step STEPS[] = {
	{ "int8", step_int8, .last = true },
	{ "bf16", step_bf16, .last = true },
	{ "student 32-16", step_dense, .sizes = { 32, 16 } },
	{ "units -75 %", step_units, .amount = 0.75 },
	{ "trees -75 %", step_trees, .amount = 0.75 },
	{ "student of 20 trees", step_forest, .sizes = { 20, 4 } },
	{ "student 16", step_dense, .sizes = { 16 } },
	{ "units -50 %", step_units, .amount = 0.5 },
	{ "subtrees -75 %", step_subtrees, .amount = 0.75 },
	{ "student 64-32", step_dense, .sizes = { 64, 32 } },
	{ "units -90 %", step_units, .amount = 0.9 },
	{ "trees -90 %", step_trees, .amount = 0.9 },
	{ "student of 8 trees", step_forest, .sizes = { 8, 3 } },
	{ "units -25 %", step_units, .amount = 0.25 },
	{ "trees -50 %", step_trees, .amount = 0.5 },
	{ "student of 60 trees", step_forest, .sizes = { 60, 6 } },
	{ "subtrees -50 %", step_subtrees, .amount = 0.5 },
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
