// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/quantise/quantise_judge.h"

#include "base/align.h"
#include "infer/learn/judge/metrics.h"
#include "infer/model_internal.h"

#include <math.h>
#include <stdlib.h>

// All judged rows by one graph, into scores [n][n_out].
static int judge_score(const struct quantise_judge *judge, const struct graph *graph, float *scores,
	struct error *err)
{
	const struct model_options options = { .no_timing = true };
	struct model *model;
	void *scratch;
	int rc = model_build(graph, 0, &options, &model, err);

	if (rc != 0)
		return rc;
	scratch = aligned_alloc(64, align_up(model_scratch_bytes(model, MODEL_BATCH_MAX) + 64, 64));
	if (!scratch)
		rc = error_set(err, -ENOMEM, "out of memory to score rows");
	for (size_t r = 0; r < judge->n && rc == 0; r += MODEL_BATCH_MAX) {
		const size_t left = judge->n - r;

		model_score(model, judge->rows + r * graph->n_features, scores + r * judge->n_out,
			left < MODEL_BATCH_MAX ? (uint32_t)left : MODEL_BATCH_MAX, scratch,
			MODEL_BATCH_MAX);
	}
	free(scratch);
	model_close(model);
	return rc;
}

static int32_t judge_class(const struct quantise_judge *judge, const float *scores)
{
	if (judge->decision.rule == DECISION_SIDE)
		return scores[0] >= judge->decision.threshold;
	return (int32_t)decision_largest(scores, judge->n_out);
}

static int judge_f1(
	const struct quantise_judge *judge, const float *scores, double *f1, struct error *err)
{
	int32_t *predicted = malloc(judge->n * sizeof(*predicted) + 1);
	struct metrics_class *classes = calloc(judge->n_classes + 1, sizeof(*classes));

	if (!predicted || !classes) {
		free(predicted);
		free(classes);
		return error_set(err, -ENOMEM, "out of memory to judge rows");
	}
	for (size_t r = 0; r < judge->n; r++)
		predicted[r] = judge_class(judge, scores + r * judge->n_out);
	*f1 = metrics_decide(judge->classes, predicted, NULL, judge->n, classes, judge->n_classes)
		      .macro.f1;
	free(predicted);
	free(classes);
	return 0;
}

static bool judge_is_finite(const struct quantise_judge *judge, const float *scores)
{
	for (size_t i = 0; i < judge->n * judge->n_out; i++)
		if (!isfinite(scores[i]))
			return false;
	return true;
}

static double judge_spread(const struct quantise_judge *judge)
{
	const size_t count = judge->n * judge->n_out;
	double sum = 0, squares = 0;

	for (size_t i = 0; i < count; i++)
		sum += (double)judge->scores[i] / (double)count;
	for (size_t i = 0; i < count; i++) {
		const double off = (double)judge->scores[i] - sum;

		squares += off * off / (double)count;
	}
	return sqrt(squares);
}

int quantise_judge_init(struct quantise_judge *judge, const struct graph *graph, struct error *err)
{
	int rc;

	judge->n_out = graph->n_columns_out;
	judge->decision = (struct decision){ .rule = decision_rule_of(
						     graph->n_class_labels, graph->n_columns_out),
		.n_outputs = graph->n_columns_out,
		.threshold = 0.5f };
	if (judge->decision.rule == DECISION_WITHIN)
		judge->classes = NULL;
	judge->scores = malloc(judge->n * judge->n_out * sizeof(float) + 1);
	if (!judge->scores)
		return error_set(err, -ENOMEM, "out of memory for scores");
	rc = judge_score(judge, graph, judge->scores, err);
	if (rc == 0 && !judge_is_finite(judge, judge->scores))
		rc = error_set(err, -EDOM,
			"the model in floats has scores of these rows that are not finite, by "
			"which nothing can be judged");
	judge->f1 = NAN;
	if (rc == 0 && judge->classes)
		rc = judge_f1(judge, judge->scores, &judge->f1, err);
	judge->spread = judge_spread(judge);
	return rc;
}

void quantise_judge_fini(struct quantise_judge *judge)
{
	free(judge->scores);
	judge->scores = NULL;
}

int quantise_judge_graph(const struct quantise_judge *judge, const struct graph *graph,
	struct quantise_loss *loss, struct error *err)
{
	const size_t count = judge->n * judge->n_out;
	float *scores = malloc(count * sizeof(*scores) + 1);
	double squares = 0;
	size_t otherwise = 0;
	bool finite;
	int rc = scores ? judge_score(judge, graph, scores, err)
			: error_set(err, -ENOMEM, "out of memory for scores");

	*loss = (struct quantise_loss){ .f1 = NAN };
	finite = rc == 0 && judge_is_finite(judge, scores);
	if (rc == 0 && judge->classes)
		rc = judge_f1(judge, scores, &loss->f1, err);
	for (size_t r = 0; r < judge->n && rc == 0; r++)
		otherwise += judge->decision.rule != DECISION_WITHIN &&
			decision_differs(&judge->decision, judge->scores + r * judge->n_out,
				scores + r * judge->n_out);
	for (size_t i = 0; i < count && rc == 0; i++) {
		const double off = (double)scores[i] - (double)judge->scores[i];

		squares += off * off / (double)count;
	}
	free(scores);
	loss->disagree = judge->n > 0 ? (double)otherwise / (double)judge->n : 0;
	loss->apart = sqrt(squares) / (judge->spread > 0 ? judge->spread : 1);
	loss->bounded = judge->decision.rule == DECISION_WITHIN ? loss->apart
		: judge->classes                                ? judge->f1 - loss->f1
								: loss->disagree;
	if (!finite)
		loss->bounded = loss->apart = INFINITY;
	return rc;
}
