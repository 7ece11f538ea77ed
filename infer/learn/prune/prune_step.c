// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/prune/prune_step.h"

#include <math.h>

double prune_floor(const struct prune_job *job)
{
	return job->result->before.figure - job->options->max_loss;
}

int prune_step(const struct prune_job *job, uint32_t done, double figure, struct error *err)
{
	const struct learn_progress progress = {
		.stage = "step",
		.done = done,
		.total = job->options->steps,
		.loss = NAN,
		.score = figure,
		.score_name = exam_figure(job->exam),
	};

	if (!job->watch || !job->watch->step || job->watch->step(job->watch->context, &progress))
		return 0;
	return error_set(err, -ECANCELED, "interrupted: no image is written");
}

int prune_refuse(const struct prune_job *job, double sparsity, double figure, struct error *err)
{
	const char *name = exam_figure(job->exam);

	return error_set(err, -EDOM,
		"the first step already, which takes %.1f %% of the weights away, brings %s from "
		"%.4f to "
		"%.4f on the rows held back, and may cost %.4f: allow more by --max-f1-loss, or "
		"take "
		"less at once by more --steps and --epochs",
		100 * sparsity, name, job->result->before.figure, figure, job->options->max_loss);
}
