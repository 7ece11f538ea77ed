// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/train/anomaly.h"

#include "base/align.h"
#include "infer/graph/arena.h"
#include "infer/import/build.h"
#include "infer/learn/describe.h"
#include "infer/ops/check.h"
#include "infer/plan/plan.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_ROWS 4096 // gathered at once
#define PLAN_ARENA ((size_t)1 << 30)
#define ABOVE_ALL  (1 + 0x1p-16) // of the highest score, where no row may lie above
#define LEAST      1e-30         // a threshold of scores that are all 0

int anomaly_begin(struct train_job *job, uint32_t *input, struct error *err)
{
	// Classes, if any, are those of rows, not of a score.
	struct dataset described = *job->train.set;
	struct graph *graph = graph_create();
	int rc;

	if (!graph)
		return error_set(err, -ENOMEM, "out of memory for the model");
	job->graph = graph;
	described.target = DATASET_NONE;
	*input = build_input(graph, described.n_features, NULL, err);
	rc = *input == GRAPH_NONE ? err->code : describe_graph(graph, &described, err);
	graph->source_kind = "martlet";
	return rc;
}

static void anomaly_run(const struct plan *plan, const struct dataset_part *rows, float *gathered,
	void *scratch, float *scores)
{
	const size_t n_features = rows->set->n_features;

	for (size_t first = 0; first < rows->n; first += CHUNK_ROWS) {
		const size_t left = rows->n - first, n = left < CHUNK_ROWS ? left : CHUNK_ROWS;

		for (size_t r = 0; r < n; r++)
			memcpy(gathered + r * n_features,
				rows->set->values + rows->index[first + r] * n_features,
				n_features * sizeof(*gathered));
		plan_run(plan, gathered, scores + first * plan->n_columns_out, (uint32_t)n, scratch,
			plan->tile_rows);
	}
}

int anomaly_score_rows(const struct graph *graph, const struct dataset_part *rows, float *scores,
	struct error *err)
{
	// Which kernels are the fastest changes no threshold, but could change the last bit of a score.
	const struct model_options options = { .no_timing = true, .exact = true };
	const size_t n_features = rows->set->n_features;
	struct arena *arena = arena_create(PLAN_ARENA);
	float *gathered = malloc((size_t)CHUNK_ROWS * n_features * sizeof(*gathered));
	void *scratch = NULL;
	struct plan plan;
	int rc = arena && gathered ? plan_build(&plan, graph, arena, isa_detected(), &options, err)
				   : error_set(err, -ENOMEM, "out of memory to score the rows");

	if (rc == 0) {
		scratch = aligned_alloc(64, align_up(plan.row_bytes * plan.tile_rows + 64, 64));
		if (scratch)
			anomaly_run(&plan, rows, gathered, scratch, scores);
		else
			rc = error_set(err, -ENOMEM, "out of memory to score the rows");
	}
	free(scratch);
	free(gathered);
	arena_destroy(arena);
	return rc;
}

static int anomaly_compare(const void *a, const void *b)
{
	const float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

double anomaly_threshold(float *scores, size_t n, double rate)
{
	const double allowed = floor(rate * (double)n);
	// The highest that may not be above; more may than there are: the lowest score of all.
	size_t last = allowed < (double)n ? n - 1 - (size_t)allowed : 0, next;
	double threshold;

	qsort(scores, n, sizeof(*scores), anomaly_compare);
	for (next = last; next < n && scores[next] <= scores[last]; next++)
		;
	threshold = next < n ? ((double)scores[last] + (double)scores[next]) / 2
			     : (double)scores[last] * ABOVE_ALL;
	return threshold > LEAST ? threshold : LEAST;
}

// Makes `tensor` the one output.
static int anomaly_output(struct graph *graph, uint32_t tensor, struct error *err)
{
	const int rc = build_output(graph, tensor, err);

	if (rc == 0) {
		graph->tensors[tensor].name = "anomaly_score";
		graph->output_names[0] = "anomaly_score";
	}
	return rc;
}

static int anomaly_fit(struct train_job *job, const struct dataset_part *rows, double rate,
	double *threshold, struct error *err)
{
	float *scores = malloc((rows->n + 1) * sizeof(*scores));
	int rc = scores ? anomaly_score_rows(job->graph, rows, scores, err)
			: error_set(err, -ENOMEM, "out of memory for %zu scores", rows->n);

	for (size_t r = 0; r < rows->n && rc == 0; r++) {
		if (!isfinite(scores[r]))
			rc = error_set(err, -EDOM,
				"%s: row %" PRIu32 " scores %g: its values are too large",
				rows->set->path, rows->index[r] + 1, (double)scores[r]);
	}
	if (rc == 0) {
		*threshold = anomaly_threshold(scores, rows->n, rate);
		report_add(job->report,
			"threshold: a score of 1 stands for %.6g, above which are at most %g of "
			"%zu %s "
			"rows",
			*threshold, rate, rows->n,
			rows == &job->validation ? "validation" : "training");
		if (rate > 0 && rate * (double)rows->n < 1)
			report_add(job->report,
				"threshold: %zu rows are too few for a false-positive rate of %g, "
				"which wants %.0f; it lies above all of them",
				rows->n, rate, ceil(1 / rate));
	}
	free(scores);
	return rc;
}

int anomaly_end(struct train_job *job, uint32_t score, struct error *err)
{
	const struct dataset_part *rows = job->validation.n > 0 ? &job->validation : &job->train;
	const double rate = job->options->false_positive_rate;
	struct graph *graph = job->graph;
	double threshold = 1;
	uint32_t scaled;
	int rc = score == GRAPH_NONE ? err->code : anomaly_output(graph, score, err);

	if (rc == 0)
		rc = graph_check(graph, err);
	if (rc == 0)
		rc = anomaly_fit(job, rows, rate, &threshold, err);
	if (rc != 0)
		return rc;
	graph->tensors[score].name = "raw_score";
	scaled = build_pair(
		graph, OP_MUL, score, build_scalar(graph, (float)(1 / threshold), err), err);
	return scaled == GRAPH_NONE ? err->code : anomaly_output(graph, scaled, err);
}
