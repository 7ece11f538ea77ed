// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/quantise/quantise_search.h"
#include "infer/compile/copy.h"
#include "infer/compile/passes/quantise_equalise.h"
#include "infer/graph/report.h"
#include "infer/learn/quantise/quantise_errors.h"
#include "infer/learn/quantise/quantise_tune.h"
#include "infer/ops/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GREEDY_TRIALS 12 // layers up to which each is tried in float; of more the noisiest goes

static int quantising_tell(struct quantising *q, const char *stage, uint64_t done, uint64_t total)
{
	const struct learn_watch *watch = q->request->watch;
	const struct learn_progress progress = { .stage = stage,
		.done = done,
		.total = total,
		.loss = NAN,
		.score = q->loss.f1,
		.score_name = "F1" };

	if (!watch || !watch->step || watch->step(watch->context, &progress))
		return 0;
	return error_set(q->err, -ECANCELED, "interrupted: nothing is written");
}

// Does the list "a,b" hold a name?
static bool quantising_lists(const char *list, const char *name)
{
	const size_t length = strlen(name);

	for (const char *at = list; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	}
	return false;
}

static int quantising_keep(struct quantising *q)
{
	const char *list = q->request->keep;
	uint32_t wanted = list && *list ? 1 : 0, found = 0;
	char names[200] = "";
	size_t used = 0;

	q->why = calloc(q->layers.count, sizeof(*q->why));
	if (!q->why)
		return error_set(q->err, -ENOMEM, "out of memory for the layers");
	for (const char *at = list; wanted && *at; at++)
		wanted += *at == ',';
	for (uint32_t l = 0; l < q->layers.count; l++) {
		struct quantise_layer *layer = &q->layers.of[l];

		used += (size_t)snprintf(
			names + used, sizeof(names) - used, "%s%.30s", l ? ", " : "", layer->name);
		used = used < sizeof(names) ? used : sizeof(names) - 1;
		if (!wanted || !quantising_lists(list, layer->name))
			continue;
		layer->keep = true;
		found++;
		snprintf(q->why[l], sizeof(*q->why), "as asked");
	}
	if (found != wanted)
		return error_set(q->err, -EINVAL,
			"--keep %.60s: not all of these are layers of %s, "
			"which are %s",
			list, q->request->model, names);
	return 0;
}

static int quantising_collect(struct quantising *q)
{
	uint8_t *wanted = calloc((size_t)q->graph->n_tensors + 1, sizeof(*wanted));
	int rc;

	if (!wanted)
		return error_set(q->err, -ENOMEM, "out of memory for ranges");
	ranges_fini(&q->ranges);
	quantise_wanted(q->graph, &q->layers, wanted);
	rc = ranges_collect(&q->ranges, q->graph, q->calibration.values, q->calibration.n, wanted,
		q->options.calibration != QUANTISE_MINMAX, q->err);
	free(wanted);
	return rc;
}

// The layers as they are kept or not; *loss is what that costs.
static int quantising_try(struct quantising *q, struct graph **to, struct quantise_loss *loss)
{
	int rc = quantise_layers(q->graph, &q->ranges, &q->options, &q->layers, to, q->err);

	return rc != 0 ? rc : quantise_judge_graph(&q->judge, *to, loss, q->err);
}

int quantising_again(struct quantising *q)
{
	graph_destroy(q->quantised);
	q->quantised = NULL;
	return quantising_try(q, &q->quantised, &q->loss);
}

static uint32_t quantising_left(const struct quantising *q)
{
	uint32_t left = 0;

	for (uint32_t l = 0; l < q->layers.count; l++)
		left += !q->layers.of[l].why && !q->layers.of[l].keep;
	return left;
}

// Which layer does the most harm: the one without which the loss is least, or of many the noisiest.
static int quantising_worst(struct quantising *q, uint32_t *worst)
{
	const bool tries = quantising_left(q) <= GREEDY_TRIALS;
	struct quantise_layer_error *errors = calloc(q->layers.count, sizeof(*errors));
	double least = INFINITY;
	int rc = errors ? 0 : error_set(q->err, -ENOMEM, "out of memory for the layers");

	if (rc == 0 && !tries)
		rc = quantise_errors(q->graph, q->quantised, &q->layers, q->calibration.values,
			q->calibration.n, errors, q->err);
	for (uint32_t l = 0; l < q->layers.count && rc == 0; l++) {
		struct quantise_layer *layer = &q->layers.of[l];
		struct graph *graph = NULL;
		struct quantise_loss loss;
		double badness;

		if (layer->why || layer->keep)
			continue;
		if (tries) {
			layer->keep = true;
			rc = quantising_try(q, &graph, &loss);
			layer->keep = false;
			graph_destroy(graph);
			badness = rc == 0 ? loss.bounded + 1e-3 * loss.apart : 0;
			if (rc == 0)
				rc = quantising_tell(q, "layer", l + 1, q->layers.count);
		} else {
			badness = errors[l].snr_db;
		}
		if (badness < least) {
			least = badness;
			*worst = l;
		}
	}
	free(errors);
	return rc;
}

// Puts layers back to float until the loss is within the bound.
static int quantising_reduce(struct quantising *q)
{
	const double all = q->loss.bounded;
	int rc = 0;

	if (quantising_left(q) == 0)
		return error_set(q->err, -EINVAL, "no layer of %s is left to be in 8 bits: '%s' %s",
			q->request->model, q->layers.of[0].name,
			q->layers.of[0].why ? q->layers.of[0].why : "is kept");
	while (rc == 0 && q->loss.bounded > q->request->max_loss && quantising_left(q) > 0) {
		const double before = q->loss.bounded;
		uint32_t worst = GRAPH_NONE;

		rc = quantising_worst(q, &worst);
		if (rc != 0 || worst == GRAPH_NONE)
			return rc;
		q->layers.of[worst].keep = true;
		q->result->n_put_back++;
		rc = quantising_again(q);
		snprintf(q->why[worst], sizeof(*q->why), "the loss was %.4g with it, %.4g without",
			before, q->loss.bounded);
	}
	if (rc == 0 && quantising_left(q) == 0)
		return error_set(q->err, -EINVAL,
			"no layer of %s can be in 8 bits with a loss of at most %g: with all that "
			"can it is %.4g",
			q->request->model, q->request->max_loss, all);
	return rc;
}

// Functions between layers back to float, where that is better than tables of bytes. A function's input in 8 bits is
// what costs: a Tanh changes its result by as much as its input.
static int quantising_untable(struct quantising *q)
{
	const struct quantise_loss before = q->loss;
	int rc;

	q->options.no_tables = true;
	rc = quantising_again(q);
	if (rc != 0 || q->loss.bounded < before.bounded) {
		if (rc == 0)
			report_add(q->report,
				"activations stay in floats: the loss was %.4g with tables of "
				"bytes, %.4g without",
				before.bounded, q->loss.bounded);
		return rc;
	}
	q->options.no_tables = false;
	return quantising_again(q);
}

static bool quantising_has_tables(const struct quantising *q)
{
	const struct graph *graph = q->quantised;

	for (uint32_t n = 0; graph && n < graph->n_nodes; n++) {
		if (graph->nodes[n].op == OP_QLOOKUP)
			return true;
	}
	return false;
}

// A changed copy of the float graph takes its place, where what comes of it in 8 bits is better: by what is bounded, or
// else by how far scores are apart. *taken says whether it did; if not, it is gone.
static int quantising_change(
	struct quantising *q, struct graph *changed, bool by_bounded, bool *taken)
{
	const struct quantise_loss before = q->loss;
	struct graph *graph = q->graph;
	int rc;

	q->graph = changed;
	rc = graph_check(changed, q->err);
	if (rc == 0)
		rc = quantising_collect(q);
	if (rc == 0)
		rc = quantising_again(q);
	*taken = rc == 0 &&
		(by_bounded ? q->loss.bounded < before.bounded : q->loss.apart < before.apart);
	if (*taken) {
		q->copies[q->n_copies++] = changed;
		return 0;
	}
	graph_destroy(q->quantised); // it stands on the changed one
	q->quantised = NULL;
	graph_destroy(changed);
	q->graph = graph;
	if (rc == 0)
		rc = quantising_collect(q);
	if (rc == 0)
		rc = quantising_again(q);
	return rc;
}

static int quantising_equalise(struct quantising *q)
{
	struct graph *own = NULL;
	bool taken = false;
	int pairs, rc = graph_copy(q->graph, true, &own, q->err);

	if (rc != 0)
		return rc;
	pairs = quantise_equalise(own, q->err);
	if (pairs <= 0) {
		graph_destroy(own);
		return pairs;
	}
	rc = quantising_change(q, own, false, &taken);
	if (rc == 0)
		report_add(q->report,
			taken ? "weights of %d pair%s of layers equalised"
			      : "weights of %d pair%s of layers would be further off if "
				"they were equalised",
			pairs, pairs == 1 ? "" : "s");
	return rc;
}

// Fine-tuning, of the graph in floats; then all begins anew.
static int quantising_tune(struct quantising *q)
{
	const struct quantise_tuning tuning = { .options = &q->options,
		.layers = &q->layers,
		.ranges = &q->ranges,
		.rows = q->calibration.values,
		.classes = q->judge.classes ? q->calibration.classes : NULL,
		.n = q->calibration.n,
		.epochs = q->request->tune,
		.seed = q->request->seed,
		.watch = q->request->watch };
	const double before = q->loss.bounded;
	struct graph *own = NULL;
	int rc = graph_copy(q->graph, true, &own, q->err);

	if (rc != 0)
		return rc;
	rc = quantise_tune(own, &tuning, q->err);
	if (rc != 0) {
		graph_destroy(own);
		return rc;
	}
	rc = quantising_change(q, own, true, &q->result->tuned);
	if (rc == 0 && q->result->tuned)
		report_add(q->report, "%u epochs of fine-tuning: a loss of %.4g became %.4g",
			q->request->tune, before, q->loss.bounded);
	else if (rc == 0)
		report_add(q->report, "%u epochs of fine-tuning gained nothing on a loss of %.4g",
			q->request->tune, before);
	return rc;
}

int quantising_layers(struct quantising *q)
{
	int rc = quantising_keep(q);

	if (rc == 0)
		rc = quantising_collect(q);
	if (rc == 0)
		rc = quantising_tell(q, "calibration", 1, 1);
	if (rc == 0)
		rc = quantising_again(q);
	if (rc == 0 && !q->request->no_equalise)
		rc = quantising_equalise(q);
	if (rc == 0 && q->loss.bounded > q->request->max_loss && quantising_has_tables(q))
		rc = quantising_untable(q);
	if (rc == 0 && q->request->tune > 0 &&
		(q->request->tune_always || q->loss.bounded > q->request->max_loss))
		rc = quantising_tune(q);
	return rc != 0 ? rc : quantising_reduce(q);
}
