// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/prune/prune.h"

#include "infer/compile/compile.h"
#include "infer/compile/load.h"
#include "infer/graph/arena.h"
#include "infer/graph/lineage.h"
#include "infer/learn/data/fill.h"
#include "infer/learn/prune/prune_channels.h"
#include "infer/learn/prune/prune_forest.h"
#include "infer/learn/prune/prune_units.h"
#include "infer/learn/prune/prune_weights.h"
#include "infer/model_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const PRUNE_METHOD_NAMES[PRUNE_METHODS] = {
	[PRUNE_AUTO] = "auto",
	[PRUNE_MAGNITUDE] = "magnitude",
	[PRUNE_PROXIMAL] = "proximal",
	[PRUNE_STRUCTURED] = "structured",
	[PRUNE_TREES] = "trees",
	[PRUNE_SUBTREES] = "subtrees",
};

struct pruned {
	const struct prune_options *options;
	struct loaded_graph loaded;
	struct model *before;
	struct exam exam;
	struct prune_job job;
	const char *path;
	struct error *err;
};

static int prune_check(const struct prune_options *options, struct error *err)
{
	if (!(options->sparsity >= 0 && options->sparsity < 1) || options->steps < 1 ||
		options->tile < 1 || !(options->alpha >= 0) || !isfinite(options->max_loss))
		return error_set(err, -EINVAL,
			"the sparsity should be above 0 and below 1, steps and tile at least 1, "
			"alpha at "
			"least 0");
	return 0;
}

// Is the graph a chain of layers that can be trained? If not, it is pruned as it is, and why is told.
static int prune_find_net(struct pruned *p)
{
	struct prune_result *result = p->job.result;
	struct error why = { .text = "" };
	int rc = net_from_graph(p->loaded.graph, &p->job.net, &why);

	if (rc == -ENOMEM)
		return error_set(p->err, rc, "%s", why.text);
	if (rc == 0)
		return 0;
	p->job.net = NULL;
	snprintf(result->not_tuned, sizeof(result->not_tuned), "%s", why.text);
	return 0;
}

static enum prune_method prune_method(const struct pruned *p)
{
	const struct graph *graph = p->loaded.graph;

	for (uint32_t n = 0; n < graph->n_nodes && p->options->method == PRUNE_AUTO; n++)
		if (graph->nodes[n].op == OP_TREES)
			return PRUNE_TREES;
	return p->options->method == PRUNE_AUTO ? PRUNE_STRUCTURED
						: (enum prune_method)p->options->method;
}

static int prune_open(struct pruned *p, const char *rows, const struct dataset_options *read)
{
	struct exam_options options = {
		.data = *read, .share = p->options->held, .seed = p->options->seed
	};
	struct prune_result *result = p->job.result;
	int rc = graph_load(p->path, NULL, &p->loaded, p->job.report, p->err);

	if (rc == 0)
		rc = model_build(
			p->loaded.graph, 0, &(struct model_options){ 0 }, &p->before, p->err);
	if (rc == 0) {
		options.fill = fill_of_graph(p->loaded.graph);
		rc = exam_read(rows, &options, p->before, &p->exam, p->job.report, p->err);
	}
	if (rc == 0)
		rc = exam_judge_model(&p->exam, p->before, &result->before.figure, p->err);
	if (rc == 0)
		rc = exam_time(&p->exam, p->before, result->before.ns_per_row, p->err);
	if (rc != 0)
		return rc;
	result->figure = exam_figure(&p->exam);
	result->n_train = p->exam.train.n;
	result->n_held = p->exam.held.n;
	result->before.weights_bytes = model_info(p->before)->weights_bytes;
	p->job.exam = &p->exam;
	p->job.loaded = &p->loaded;
	p->job.path = p->path;
	result->method = prune_method(p);
	result->unit = result->method >= PRUNE_TREES ? "leaves" : "weights";
	return prune_find_net(p);
}

// What was asked for is refused where the method that it came to, or the model, has no use of it.
static int prune_check_use(struct pruned *p)
{
	const struct prune_result *result = p->job.result;
	const bool trees = result->method >= PRUNE_TREES;
	int rc = 0;

	if (trees)
		rc = learn_lacks(p->job.watch, "whole units",
			"the model has trees, which go as wholes", p->err);
	if (rc == 0 && (trees || !p->job.net))
		rc = learn_lacks(p->job.watch, "training between steps",
			trees ? "leaves of trees are fitted anew instead" : result->not_tuned,
			p->err);
	return rc;
}

static int prune_by_method(struct pruned *p)
{
	switch (p->job.result->method) {
	case PRUNE_MAGNITUDE:
	case PRUNE_PROXIMAL:
		return prune_weights(&p->job, p->err);
	case PRUNE_TREES:
	case PRUNE_SUBTREES:
		return prune_forest(&p->job, p->err);
	default:
		return (p->job.net ? prune_units : prune_channels)(&p->job, p->err);
	}
}

// What the image says of how it was made.
static int prune_sign(struct pruned *p)
{

	const struct prune_options *o = p->options;
	const struct prune_result *r = p->job.result;
	char options[200], figures[200];
	const struct lineage_step step = {
		.step = "prune",
		.from = p->path,
		.from_sha256 = p->loaded.sha256,
		.options = options,
		.rows = p->exam.set.path,
		.n_rows = p->exam.set.n_rows,
		.rows_sha256 = p->exam.set.sha256,
		.figures = figures,
	};
	double figure;
	int rc = exam_judge_graph(&p->exam, p->loaded.graph, &figure, p->err);

	if (rc != 0)
		return rc;
	snprintf(options, sizeof(options),
		"--method %s --sparsity %g --steps %u --epochs %u --seed %llu",
		PRUNE_METHOD_NAMES[r->method], o->sparsity, o->steps, o->epochs,
		(unsigned long long)o->seed);
	snprintf(figures, sizeof(figures),
		"%.1f %% of %llu %s gone, %s %.4f to %.4f on %zu rows held back", 100 * r->sparsity,
		(unsigned long long)r->before.n_weights, r->unit, r->figure, r->before.figure,
		figure, r->n_held);
	return lineage_add(p->loaded.graph, &step, p->err);
}

static int prune_make(struct pruned *p, void **image, size_t *size)
{
	const struct compile_rows rows = { p->exam.set.values, p->exam.set.n_rows };
	const struct compile_options options = { 0 };
	struct graph *graph = p->loaded.graph;
	int rc = prune_sign(p);

	if (rc == 0 && p->options->name) {
		graph->name = arena_strdup(graph->arena, p->options->name);
		if (!graph->name)
			rc = error_set(p->err, -ENOMEM, "out of memory");
	}
	if (rc != 0)
		return rc;
	p->loaded.graph = NULL; // compile_graph() destroys it
	return compile_graph(graph, &rows, &options, image, size, p->job.report, p->err);
}

static int prune_judge_image(struct pruned *p, const void *image, size_t size)
{
	const struct model_options options = { 0 };
	struct prune_side *after = &p->job.result->after;
	struct model *model;
	int rc = model_open(image, size, &options, &model, p->err);

	if (rc != 0)
		return rc;
	after->weights_bytes = model_info(model)->weights_bytes;
	rc = exam_judge_model(&p->exam, model, &after->figure, p->err);
	if (rc == 0)
		rc = exam_time(&p->exam, model, after->ns_per_row, p->err);
	model_close(model);
	return rc;
}

int model_prune(const char *model, const char *rows, const struct dataset_options *read,
	const struct prune_options *options, const struct learn_watch *watch, void **image,
	size_t *size, struct prune_result *result, struct compile_report *report, struct error *err)
{
	struct prune_result unread = { 0 };
	struct pruned p = { .options = options, .path = model, .err = err };
	int rc = prune_check(options, err);

	*image = NULL;
	*size = 0;
	p.job = (struct prune_job){ .options = options,
		.watch = watch,
		.report = report,
		.result = result ? result : &unread };
	*p.job.result = (struct prune_result){ 0 };
	if (rc == 0)
		rc = prune_open(&p, rows, read);
	if (rc == 0)
		rc = prune_check_use(&p);
	if (rc == 0)
		rc = prune_by_method(&p);
	if (rc == 0)
		rc = prune_make(&p, image, size);
	if (rc == 0)
		rc = prune_judge_image(&p, *image, *size);
	if (rc != 0) {
		free(*image);
		*image = NULL;
	}
	net_destroy(p.job.net);
	exam_fini(&p.exam);
	model_close(p.before);
	graph_unload(&p.loaded);
	return rc;
}
