// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/ranges.h"

#include "infer/compile/values.h"

#include <math.h>
#include <stdlib.h>

#define RANGES_ROWS 256 // at a time

void ranges_fini(struct ranges *ranges)
{
	for (uint32_t t = 0; ranges->of && t < ranges->n_tensors; t++) {
		for (uint32_t c = 0; c < ranges->of[t].n_channels; c++)
			free(ranges->of[t].channels[c].bins);
		free(ranges->of[t].channels);
		free(ranges->of[t].bins);
		free(ranges->of[t].mean);
	}
	free(ranges->of);
	*ranges = (struct ranges){ 0 };
}

static int ranges_allocate_channels(
	struct range *range, const struct tensor *tensor, bool bins, struct error *err)
{
	const int64_t n = tensor->rank > 0 ? tensor->dims[tensor->rank - 1] : 0;

	if (n < 1 || n > RANGE_CHANNELS_MAX)
		return 0;
	range->channels = calloc((size_t)n, sizeof(*range->channels));
	if (!range->channels)
		return error_set(err, -ENOMEM, "out of memory for ranges");
	range->n_channels = (uint32_t)n;
	for (uint32_t c = 0; c < range->n_channels && bins; c++) {
		range->channels[c].bins = calloc(RANGE_BINS, sizeof(*range->bins));
		if (!range->channels[c].bins)
			return error_set(err, -ENOMEM, "out of memory for ranges");
	}
	return 0;
}

static int ranges_allocate(
	struct ranges *ranges, const uint8_t *wanted, bool bins, struct error *err)
{
	const struct graph *graph = ranges->graph;

	ranges->of = calloc((size_t)graph->n_tensors + 1, sizeof(*ranges->of));
	if (!ranges->of)
		return error_set(err, -ENOMEM, "out of memory for ranges");
	for (uint32_t t = 0; t < graph->n_tensors; t++) {
		const struct tensor *tensor = &graph->tensors[t];
		struct range *range = &ranges->of[t];

		if (!wanted[t] || tensor->data || tensor->dtype != DTYPE_F32)
			continue;
		range->mean = calloc((size_t)tensor_elements(tensor) + 1, sizeof(*range->mean));
		range->bins = bins ? calloc(RANGE_BINS, sizeof(*range->bins)) : NULL;
		if (!range->mean || (bins && !range->bins))
			return error_set(err, -ENOMEM, "out of memory for ranges");
		if (wanted[t] == RANGE_CHANNELS &&
			ranges_allocate_channels(range, tensor, bins, err) != 0)
			return err->code;
	}
	return 0;
}

static void ranges_take(struct range *range, float v)
{
	if (range->count == 0 || v < range->low)
		range->low = v;
	if (range->count == 0 || v > range->high)
		range->high = v;
	range->count++;
}

// `values` [n][elements] of n rows.
static int ranges_widen(struct range *range, const struct tensor *tensor, const float *values,
	uint32_t n, struct error *err)
{
	const size_t elements = (size_t)tensor_elements(tensor);

	for (size_t i = 0; i < n * elements; i++) {
		const float v = values[i];

		if (!isfinite(v))
			return error_set(err, -EDOM,
				"\"%s\" is not finite for a calibration row, so that it has no "
				"scale",
				tensor->name);
		ranges_take(range, v);
		if (range->channels)
			ranges_take(&range->channels[i % range->n_channels], v);
		range->mean[i % elements] += (double)v;
	}
	return 0;
}

static void ranges_put(struct range *range, float v)
{
	const double wide = (double)range->high - (double)range->low;
	const double at = wide > 0 ? ((double)v - (double)range->low) / wide * RANGE_BINS : 0;

	range->bins[at < RANGE_BINS ? (size_t)at : RANGE_BINS - 1]++;
}

static void ranges_count(struct range *range, const float *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		ranges_put(range, values[i]);
		if (range->channels)
			ranges_put(&range->channels[i % range->n_channels], values[i]);
	}
}

// One pass over the rows: the ranges, or `counts` what is in each bin of them.
static int ranges_pass(struct ranges *ranges, struct graph_values *values, const float *rows,
	bool counts, struct error *err)
{
	const struct graph *graph = ranges->graph;
	int rc = 0;

	for (size_t r = 0; r < ranges->n_rows && rc == 0; r += values->n_max) {
		const size_t left = ranges->n_rows - r;
		const uint32_t n = left < values->n_max ? (uint32_t)left : values->n_max;

		rc = graph_values_run(values, rows + r * graph->n_features, n, err);
		for (uint32_t t = 0; t < graph->n_tensors && rc == 0; t++) {
			const struct tensor *tensor = &graph->tensors[t];
			struct range *range = &ranges->of[t];

			if (range->mean && counts)
				ranges_count(
					range, values->of[t], n * (size_t)tensor_elements(tensor));
			else if (range->mean)
				rc = ranges_widen(range, tensor, values->of[t], n, err);
		}
	}
	return rc;
}

int ranges_collect(struct ranges *ranges, const struct graph *graph, const float *rows,
	size_t n_rows, const uint8_t *wanted, bool bins, struct error *err)
{
	struct graph_values values = { 0 };
	int rc;

	*ranges =
		(struct ranges){ .graph = graph, .n_tensors = graph->n_tensors, .n_rows = n_rows };
	rc = ranges_allocate(ranges, wanted, bins, err);
	if (rc == 0)
		rc = graph_values_init(&values, graph, RANGES_ROWS, err);
	if (rc == 0)
		rc = ranges_pass(ranges, &values, rows, false, err);
	if (rc == 0 && bins)
		rc = ranges_pass(ranges, &values, rows, true, err);
	graph_values_fini(&values);
	for (uint32_t t = 0; rc == 0 && t < graph->n_tensors; t++) {
		const int64_t elements = tensor_elements(&graph->tensors[t]);

		for (int64_t i = 0; ranges->of[t].mean && i < elements; i++)
			ranges->of[t].mean[i] /= (double)(n_rows > 0 ? n_rows : 1);
	}
	if (rc != 0)
		ranges_fini(ranges);
	return rc;
}
