// SPDX-License-Identifier: BSD-3-Clause
// Pruning without training between: each step starts from the whole model again.
#include "infer/learn/prune/prune_anew.h"
#include "infer/learn/prune/prune_step.h"
#include "infer/ops/check.h"

// A step that is good enough: what it made is the job's.
static void anew_keep(struct prune_job *job, struct loaded_graph *made,
	const struct prune_made *what, uint32_t step)
{
	graph_unload(job->loaded);
	*job->loaded = *made;
	*made = (struct loaded_graph){ 0 };
	job->result->steps = step;
	job->result->before.n_weights = what->before;
	job->result->after.n_weights = what->after;
	job->result->sparsity = what->share;
	report_add(job->report, "step %u: %s", step, what->text);
}

int prune_anew(struct prune_job *job, double most, prune_change *change, const void *context,
	struct error *err)
{
	const struct prune_options *options = job->options;
	int rc = 0;

	if (options->sparsity > 0)
		most = options->sparsity;
	for (uint32_t step = 1; step <= options->steps && rc == 0; step++) {
		struct prune_made what = { 0 };
		struct loaded_graph made = { 0 };
		double figure = 0;

		rc = graph_load(job->path, NULL, &made, NULL, err);
		if (rc == 0)
			rc = change(
				job, made.graph, most * step / options->steps, context, &what, err);
		if (rc == 0)
			rc = graph_check(made.graph, err);
		if (rc == 0)
			rc = exam_judge_graph(job->exam, made.graph, &figure, err);
		if (rc == 0)
			rc = prune_step(job, step, figure, err);
		job->result->by_loss = rc == 0 && figure < prune_floor(job);
		if (job->result->by_loss && job->result->steps == 0)
			rc = prune_refuse(job, what.share, figure, err);
		if (rc == 0 && !job->result->by_loss)
			anew_keep(job, &made, &what, step);
		graph_unload(&made);
		if (job->result->by_loss)
			break;
	}
	return rc;
}
