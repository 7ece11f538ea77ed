// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/quantise/quantise.h"

#include "base/nearest.h"
#include "infer/compile/compile.h"
#include "infer/compile/copy.h"
#include "infer/compile/passes/activations.h"
#include "infer/compile/passes/passes.h"
#include "infer/graph/lineage.h"
#include "infer/learn/data/dataset_part.h"
#include "infer/learn/data/fill.h"
#include "infer/learn/quantise/quantise_errors.h"
#include "infer/learn/quantise/quantise_search.h"
#include "infer/learn/quantise/quantise_speed.h"
#include "infer/learn/quantise/scores_calibrate.h"
#include "infer/model_internal.h"
#include "infer/ops/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CALIBRATION_ROWS 1024  // at most, evenly spread
#define JUDGED_ROWS      20000 // likewise
#define HELD_BACK        0.5   // share of the rows
#define SPLIT_LEAST      32    // of fewer rows all serve for both

_Static_assert((int)QUANTISE_OF_PERCENTILE == (int)QUANTISE_PERCENTILE &&
		(int)QUANTISE_OF_MSE == (int)QUANTISE_MSE,
	"the same order");

// --- Model and rows ------------------------------------------------------------------------------

static int quantising_load(struct quantising *q)
{
	const struct model_options options = { .no_timing = true };
	int rc = graph_load(q->request->model, NULL, &q->loaded, q->report, q->err);

	if (rc != 0)
		return rc;
	q->graph = q->loaded.graph;
	if (q->request->name)
		q->graph->name = q->request->name;
	if (graph_rounds(q->graph))
		return error_set(q->err, -ENOTSUP,
			"%s computes in few bits already: quantise the model that it was made from",
			q->request->model);
	if (q->request->bits == QUANTISE_INT8) {
		rc = pass_split_activations(q->loaded.graph, &q->copies[0], q->err);
		if (rc == 0)
			rc = graph_check(q->copies[0], q->err);
		if (q->copies[0])
			q->graph = q->copies[q->n_copies++];
	}
	if (rc == 0)
		rc = quantise_find_layers(q->graph, &q->layers, q->err);
	if (rc == 0 && q->layers.count == 0)
		return error_set(q->err, -ENOTSUP,
			"%s has no dense, convolutional or recurrent layer, and nothing else is "
			"quantised",
			q->request->model);
	return rc != 0 ? rc : model_build(q->graph, 0, &options, &q->model, q->err);
}

static int quantising_read(struct quantising *q)
{
	const struct model_info *info = model_info(q->model);
	const float *fill = fill_of_graph(q->graph);
	struct dataset_options options = q->request->dataset;
	int rc;

	options.model = info;
	options.target = decision_rule_of(info->n_class_labels, info->n_outputs) == DECISION_WITHIN
		? DATASET_NONE
		: DATASET_CLASSES;
	options.allow_unlabelled = true;
	options.allow_one_class = true;
	options.keep_missing = fill != NULL;
	rc = dataset_read(q->request->rows, &options, &q->set, q->err);
	return rc == 0 && fill ? fill_rows(&q->set, fill, NULL, q->err) : rc;
}

// Up to `most` rows of a part, evenly spread; `labelled`: those that bear a class.
static int quantising_gather(const struct dataset_part *part, bool labelled, size_t most,
	struct quantise_rows *rows, struct error *err)
{
	const struct dataset *set = part->set;
	uint32_t *index = malloc(part->n * sizeof(*index) + 1);
	size_t count = 0;

	if (!index)
		return error_set(err, -ENOMEM, "out of memory for rows");
	for (size_t i = 0; i < part->n; i++) {
		if (!labelled || set->classes[part->index[i]] >= 0)
			index[count++] = part->index[i];
	}
	rows->n = count < most ? count : most;
	rows->values = malloc(rows->n * set->n_features * sizeof(float) + 1);
	rows->classes = set->classes ? malloc(rows->n * sizeof(int32_t) + 1) : NULL;
	if (!rows->values || (set->classes && !rows->classes)) {
		free(index);
		return error_set(err, -ENOMEM, "out of memory for rows");
	}
	for (size_t i = 0; i < rows->n; i++) {
		const uint32_t from = index[i * count / rows->n];

		memcpy(rows->values + i * set->n_features,
			set->values + (size_t)from * set->n_features,
			set->n_features * sizeof(float));
		if (set->classes)
			rows->classes[i] = set->classes[from];
	}
	free(index);
	return 0;
}

// Half of the rows to calibrate by, half to judge by.
static int quantising_divide(struct quantising *q)
{
	struct dataset_part first = { 0 }, second = { 0 };
	bool labelled = q->set.classes && q->set.n_unlabelled < q->set.n_rows;
	int rc;

	if (q->set.n_rows >= SPLIT_LEAST) {
		rc = dataset_split(&q->set, HELD_BACK, q->request->seed, &first, &second, q->err);
	} else {
		report_add(q->report,
			"only %zu rows: they calibrate and judge alike; of %d or more, half are "
			"held back",
			q->set.n_rows, SPLIT_LEAST);
		rc = dataset_all(&q->set, &first, q->err);
		if (rc == 0)
			rc = dataset_all(&q->set, &second, q->err);
	}
	if (rc == 0)
		rc = quantising_gather(&first, false, CALIBRATION_ROWS, &q->calibration, q->err);
	if (rc == 0)
		rc = quantising_gather(&second, labelled, JUDGED_ROWS, &q->judged, q->err);
	dataset_part_fini(&first);
	dataset_part_fini(&second);
	if (rc == 0 && (q->calibration.n == 0 || q->judged.n == 0))
		rc = error_set(q->err, -EINVAL, "%s has no rows", q->request->rows);
	q->judge = (struct quantise_judge){ .rows = q->judged.values,
		.classes = labelled ? q->judged.classes : NULL,
		.n = q->judged.n,
		.n_classes = q->set.n_classes };
	if (rc == 0 && quantise_judge_init(&q->judge, q->graph, q->err) != 0)
		rc = error_prefix(q->err, "%s", q->request->rows);
	return rc;
}

// --- bfloat16 ------------------------------------------------------------------------------------

static int quantising_shorten(struct quantising *q)
{
	int rc = graph_copy(q->graph, true, &q->quantised, q->err);

	q->why = calloc(q->layers.count, sizeof(*q->why));
	if (rc == 0 && !q->why)
		rc = error_set(q->err, -ENOMEM, "out of memory for the layers");
	if (rc == 0)
		rc = pass_bf16_weights(q->quantised, q->report, q->err);
	if (rc == 0)
		return error_set(q->err, -ENOTSUP,
			"no dense layer of %s has weights that could be bfloat16",
			q->request->model);
	rc = rc < 0 ? rc : graph_check(q->quantised, q->err);
	for (uint32_t l = 0; l < q->layers.count && rc == 0; l++) {
		struct quantise_layer *layer = &q->layers.of[l];
		const struct node *node = &q->graph->nodes[layer->node];

		layer->why = node->op == OP_DENSE ? NULL : "bfloat16 is of dense layers";
		layer->result = node->op == OP_DENSE ? node->outputs[0] : GRAPH_NONE;
		layer->stands_for = node->outputs[0];
	}
	if (rc == 0)
		rc = quantise_judge_graph(&q->judge, q->quantised, &q->loss, q->err);
	if (rc == 0 && q->loss.bounded > q->request->max_loss)
		return error_set(q->err, -EINVAL,
			"the loss in bfloat16 is %.4g, and at most %g is allowed", q->loss.bounded,
			q->request->max_loss);
	return rc;
}

// --- What comes of it ----------------------------------------------------------------------------

static int quantising_describe(struct quantising *q)
{
	struct quantise_result *result = q->result;
	struct quantise_layer_error *errors = calloc(q->layers.count, sizeof(*errors));
	int rc;

	result->layers = calloc(q->layers.count, sizeof(*result->layers));
	if (!result->layers || !errors) {
		free(errors);
		return error_set(q->err, -ENOMEM, "out of memory for the layers");
	}
	rc = quantise_errors(q->graph, q->quantised, &q->layers, q->calibration.values,
		q->calibration.n, errors, q->err);
	result->n_layers = q->layers.count;
	for (uint32_t l = 0; l < q->layers.count && rc == 0; l++) {
		const struct quantise_layer *layer = &q->layers.of[l];
		struct quantise_layer_result *to = &result->layers[l];

		to->quantised = !layer->why && !layer->keep;
		result->n_quantised += to->quantised;
		snprintf(to->name, sizeof(to->name), "%s", layer->name);
		snprintf(to->op, sizeof(to->op), "%s", op_name(q->graph->nodes[layer->node].op));
		snprintf(to->why, sizeof(to->why), "%s", layer->why ? layer->why : q->why[l]);
		to->snr_db = errors[l].snr_db;
		to->mean_error = errors[l].mean_error;
	}
	free(errors);
	result->n_calibration = q->calibration.n;
	result->n_judged = q->judge.n;
	result->held_back = q->set.n_rows >= SPLIT_LEAST;
	result->labelled = q->judge.classes != NULL;
	result->decides = q->judge.decision.rule != DECISION_WITHIN;
	result->f1_before = q->judge.f1;
	result->f1_after = q->loss.f1;
	result->disagree = q->loss.disagree;
	result->loss = q->loss.bounded;
	return rc;
}

static int quantising_calibrate_scores(struct quantising *q)
{
	const struct scores_rows rows = {
		.values = q->judge.rows, .classes = q->judge.classes, .n = q->judge.n
	};
	struct scores_calibrated calibrated = { 0 };
	int rc;

	if (q->request->scores == QUANTISE_SCORES_AS_THEY_ARE)
		return 0;
	if (q->judge.decision.rule == DECISION_WITHIN)
		return error_set(q->err, -EINVAL,
			"probabilities of classes are calibrated, and %s gives none",
			q->request->model);
	if (!q->judge.classes)
		return error_set(q->err, -EINVAL,
			"scores are calibrated by labels, and %s has none", q->request->rows);
	rc = scores_calibrate(
		q->quantised, &rows, q->request->scores == QUANTISE_PLATT, &calibrated, q->err);
	if (rc != 0)
		return rc;
	q->result->scale = calibrated.scale;
	q->result->shift = calibrated.shift;
	q->result->log_loss_before = calibrated.log_loss_before;
	q->result->log_loss_after = calibrated.log_loss_after;
	return graph_check(q->quantised, q->err);
}

static int quantising_note(struct quantising *q)
{
	const struct quantise_request *r = q->request;
	static const char *const RANGES[] = { "minmax", "percentile", "mse" };
	static const char *const SCORES[] = { "", " --calibrate-scores temperature",
		" --calibrate-scores platt" };
	char options[300], figures[200];
	const struct lineage_step step = { .step = "quantise",
		.from = r->model,
		.from_sha256 = q->loaded.sha256,
		.options = options,
		.rows = r->rows,
		.n_rows = q->set.n_rows,
		.rows_sha256 = q->set.sha256,
		.figures = figures };

	snprintf(options, sizeof(options), "--bits %s --calibration %s --%s --%s%s%s%s%s%s%s",
		r->bits == QUANTISE_BF16 ? "bf16" : "int8", RANGES[r->calibration],
		r->symmetric ? "symmetric" : "asymmetric",
		r->per_tensor ? "per-tensor" : "per-channel",
		r->power_of_two ? " --power-of-two" : "", r->full_range ? " --full-range" : "",
		r->no_equalise ? " --no-equalise" : "",
		r->no_bias_correction ? " --no-bias-correction" : "",
		q->result->tuned ? " --tune" : "", SCORES[r->scores]);
	if (q->result->labelled)
		snprintf(figures, sizeof(figures), "F1 %.4f to %.4f, %u of %u layers",
			q->result->f1_before, q->result->f1_after, q->result->n_quantised,
			q->result->n_layers);
	else
		snprintf(figures, sizeof(figures), "a loss of %.4g, %u of %u layers",
			q->result->loss, q->result->n_quantised, q->result->n_layers);
	return lineage_add(q->quantised, &step, q->err);
}

static int quantising_run(struct quantising *q)
{
	int rc = quantising_load(q);

	if (rc == 0)
		rc = quantising_read(q);
	if (rc == 0)
		rc = quantising_divide(q);
	if (rc == 0)
		rc = q->request->bits == QUANTISE_BF16 ? quantising_shorten(q)
						       : quantising_layers(q);
	if (rc == 0 && q->request->bits == QUANTISE_INT8 && !q->request->any_speed)
		rc = quantising_speed(q);
	if (rc == 0)
		rc = quantising_describe(q);
	if (rc == 0)
		rc = quantising_calibrate_scores(q);
	return rc != 0 ? rc : quantising_note(q);
}

static void quantising_fini(struct quantising *q)
{
	quantise_judge_fini(&q->judge);
	graph_destroy(q->quantised);
	ranges_fini(&q->ranges);
	free(q->layers.of);
	free(q->why);
	free(q->calibration.values);
	free(q->calibration.classes);
	free(q->judged.values);
	free(q->judged.classes);
	dataset_fini(&q->set);
	model_close(q->model);
	while (q->n_copies > 0)
		graph_destroy(q->copies[--q->n_copies]);
	graph_unload(&q->loaded);
}

int model_quantise(const struct quantise_request *request, void **image, size_t *size,
	struct quantise_result *result, struct compile_report *report, struct error *err)
{
	static const struct compile_options OPTIONS;
	struct quantising q = { .request = request,
		.options = { .calibration = (enum quantise_calibration)request->calibration,
			.symmetric = request->symmetric,
			.per_tensor = request->per_tensor,
			.power_of_two = request->power_of_two,
			.no_bias_correction = request->no_bias_correction,
			.full_range = request->full_range },
		.result = result,
		.report = report,
		.err = err };
	int rc;

	*image = NULL;
	*size = 0;
	*result = (struct quantise_result){ 0 };
	rc = quantising_run(&q);
	if (rc == 0) {
		const struct compile_rows rows = { .values = q.calibration.values,
			.n_rows = q.calibration.n };
		struct graph *graph = q.quantised;

		q.quantised = NULL; // compile_graph()'s
		rc = compile_graph(graph, &rows, &OPTIONS, image, size, report, err);
	}
	quantising_fini(&q);
	return rc;
}

void quantise_result_fini(struct quantise_result *result)
{
	free(result->layers);
	*result = (struct quantise_result){ 0 };
}
