// SPDX-License-Identifier: BSD-3-Clause
// The reference of an image: histograms of rows that stand for what the model was made with, and of
// its scores of them.
#include "base/align.h"
#include "infer/graph/text_maps.h"
#include "infer/image/image.h"
#include "infer/infer.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Edges are found from so many rows at most, evenly spread; all rows are counted.
#define SORTED_MAX ((size_t)1 << 16)
// The most edges that a column can get: few distinct values have one on either side as well.
#define EDGES_MAX (DRIFT_BINS_MAX - 1)

// A matrix of which one column is looked at.
struct column {
	const float *values; // of the first row
	size_t stride, n_rows;
};

struct making {
	const struct model *model;
	uint32_t n_bins;
	const float *rows; // [n_rows][n_features], all that the model takes
	size_t n_rows;
	float *taken;  // the same, where others had to be left out; else NULL
	float *scores; // [n_rows][n_outputs]
	float *sorted; // [SORTED_MAX]
	struct drift_reference reference;
	uint32_t *first;
	float *edges;
	uint64_t *counts;
};

static int making_compare(const void *a, const void *b)
{
	const float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

// A sample of the column in ascending order, without what is missing or infinite. Returns how many.
static size_t making_sort(struct making *making, const struct column *column)
{
	const size_t step = (column->n_rows + SORTED_MAX - 1) / SORTED_MAX;
	size_t n = 0;

	for (size_t r = 0; r < column->n_rows; r += step) {
		const float value = column->values[r * column->stride];

		if (isfinite(value))
			making->sorted[n++] = value;
	}
	qsort(making->sorted, n, sizeof(float), making_compare);
	return n;
}

// The largest value below `value`, or one that no flushing of denormals makes equal to it.
static float making_below(float value)
{
	const float below = nextafterf(value, -INFINITY);

	if (fabsf(below) >= FLT_MIN)
		return below;
	return value > 0 ? 0 : -FLT_MIN;
}

// Each of a few distinct values gets a bin of its own, with one below and one above all of them. False:
// there are more than `n_bins`.
static bool making_edges_distinct(
	const float *sorted, size_t n, uint32_t n_bins, float *edges, uint32_t *n_edges)
{
	uint32_t at = 0;

	if (n > 0 && isfinite(making_below(sorted[0])))
		edges[at++] = making_below(sorted[0]);
	for (size_t i = 0, distinct = 0; i < n; i++) {
		if (i > 0 && sorted[i] == sorted[i - 1])
			continue;
		if (distinct++ == n_bins)
			return false;
		edges[at++] = sorted[i];
	}
	*n_edges = at;
	return true;
}

static uint32_t making_edges_quantiles(const float *sorted, size_t n, uint32_t n_bins, float *edges)
{
	uint32_t at = 0;

	for (uint32_t b = 1; b < n_bins; b++) {
		const float edge = sorted[(b * n + n_bins - 1) / n_bins - 1];

		if (at == 0 || edge > edges[at - 1])
			edges[at++] = edge;
	}
	return at;
}

// Numbers of texts are categories: each has a bin, and the last is for all that are unknown.
static uint32_t making_edges_texts(uint32_t n_texts, float *edges)
{
	for (uint32_t t = 0; t < n_texts; t++)
		edges[t] = (float)t;
	return n_texts;
}

static void making_count(struct making *making, uint32_t column, const struct column *values)
{
	uint64_t *counts = making->counts + making->first[column];

	for (size_t r = 0; r < values->n_rows; r++)
		counts[drift_bin(&making->reference, column, values->values[r * values->stride])]++;
}

static void making_column(struct making *making, uint32_t c)
{
	const struct model_info *info = model_info(making->model);
	const bool is_score = c >= info->n_features;
	const struct column column = {
		.values = is_score ? making->scores + (c - info->n_features) : making->rows + c,
		.stride = is_score ? info->n_outputs : info->n_features,
		.n_rows = making->n_rows,
	};
	const struct model_texts *texts =
		is_score ? NULL : text_maps_find(info->texts, info->n_texts, c);
	float *edges = making->edges + making->first[c] - 2 * c;
	uint32_t n_edges = 0;
	size_t n;

	if (texts && texts->n_texts < EDGES_MAX) {
		n_edges = making_edges_texts(texts->n_texts, edges);
	} else {
		n = making_sort(making, &column);
		if (!making_edges_distinct(making->sorted, n, making->n_bins, edges, &n_edges))
			n_edges = making_edges_quantiles(making->sorted, n, making->n_bins, edges);
	}
	making->first[c + 1] = making->first[c] + n_edges + 2;
	making_count(making, c, &column);
}

// Of a model that refuses rows with missing values: the others, since it is not served these.
static int making_take(struct making *making, struct error *err)
{
	const struct model_info *info = model_info(making->model);
	const float *rows = making->rows;
	size_t taken = 0;

	if (info->accepts_missing || model_check_rows(info, NULL, rows, making->n_rows, NULL) == 0)
		return 0;
	making->taken = malloc(making->n_rows * info->n_features * sizeof(float) + 1);
	if (!making->taken)
		return error_set(err, -ENOMEM, "no memory for %zu rows", making->n_rows);
	for (size_t r = 0; r < making->n_rows; r++, rows += info->n_features) {
		if (model_check_rows(info, NULL, rows, 1, NULL) != 0)
			continue;
		memcpy(making->taken + taken++ * info->n_features, rows,
			info->n_features * sizeof(float));
	}
	making->rows = making->taken;
	making->n_rows = taken;
	return 0;
}

static int making_score(struct making *making, struct error *err)
{
	const struct model_info *info = model_info(making->model);
	void *scratch = aligned_alloc(
		64, align_up(model_scratch_bytes(making->model, MODEL_BATCH_MAX), 64));

	making->scores = malloc(making->n_rows * info->n_outputs * sizeof(float) + 1);
	if (!scratch || !making->scores) {
		free(scratch);
		return error_set(
			err, -ENOMEM, "no memory to score %zu reference rows", making->n_rows);
	}
	for (size_t r = 0; r < making->n_rows; r += MODEL_BATCH_MAX) {
		const size_t left = making->n_rows - r;

		model_score(making->model, making->rows + r * info->n_features,
			making->scores + r * info->n_outputs,
			(uint32_t)(left < MODEL_BATCH_MAX ? left : MODEL_BATCH_MAX), scratch,
			MODEL_BATCH_MAX);
	}
	free(scratch);
	return 0;
}

static int making_columns(struct making *making, struct error *err)
{
	const struct model_info *info = model_info(making->model);
	const size_t n = info->n_features + info->n_outputs;

	making->sorted = malloc(SORTED_MAX * sizeof(float));
	making->first = calloc(n + 1, sizeof(*making->first));
	making->edges = malloc(n * EDGES_MAX * sizeof(float));
	making->counts = calloc(n, (DRIFT_BINS_MAX + 1) * sizeof(*making->counts));
	if (!making->sorted || !making->first || !making->edges || !making->counts)
		return error_set(err, -ENOMEM, "no memory for histograms of %zu columns", n);
	making->reference = (struct drift_reference){ .n_rows = making->n_rows,
		.n_columns = (uint32_t)n,
		.first = making->first,
		.edges = making->edges,
		.counts = making->counts };
	for (uint32_t c = 0; c < n; c++)
		making_column(making, c);
	return 0;
}

static int making_write(const struct making *making, const void *image, size_t size, void **out,
	size_t *out_size, struct error *err)
{
	void *aligned = aligned_alloc(64, align_up(size + 1, 64));
	struct graph *graph;
	int rc;

	if (!aligned)
		return error_set(err, -ENOMEM, "no memory for the image");
	memcpy(aligned, image, size);
	rc = image_open(aligned, size, &graph, err);
	if (rc == 0) {
		graph->reference = &making->reference;
		rc = image_write(graph, out, out_size, err);
		graph_destroy(graph);
	}
	free(aligned);
	return rc;
}

int model_refer(const void *image, size_t size, const struct model_reference_rows *rows, void **out,
	size_t *out_size, struct error *err)
{
	const struct model_options options = { .no_timing = true };
	struct making making = { .n_bins = rows->n_bins ? rows->n_bins : DRIFT_BINS,
		.rows = rows->values,
		.n_rows = rows->n_rows };
	struct model *model;
	int rc = model_open(image, size, &options, &model, err);

	if (rc != 0)
		return rc;
	making.model = model;
	rc = making_take(&making, err);
	if (rc == 0 && making.n_rows == 0)
		rc = error_set(err, -EINVAL,
			"none of the %zu reference rows is one that model %s takes", rows->n_rows,
			model_info(model)->name);
	if (rc == 0)
		rc = making_score(&making, err);
	if (rc == 0)
		rc = making_columns(&making, err);
	model_close(model);
	if (rc == 0)
		rc = making_write(&making, image, size, out, out_size, err);
	free(making.taken);
	free(making.scores);
	free(making.sorted);
	free(making.first);
	free(making.edges);
	free(making.counts);
	return rc;
}
