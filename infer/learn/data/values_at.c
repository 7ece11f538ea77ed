// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/data/values_at.h"

#include "base/align.h"
#include "infer/image/image.h"
#include "infer/infer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int values_score(const void *image, size_t size, const float *rows, size_t n, float *values,
	struct error *err)
{
	const struct model_options options = { .no_timing = true };
	const struct model_info *info;
	struct model *model;
	void *scratch;
	int rc = model_open(image, size, &options, &model, err);

	if (rc != 0)
		return rc;
	info = model_info(model);
	scratch = aligned_alloc(64, align_up(model_scratch_bytes(model, MODEL_BATCH_MAX) + 1, 64));
	if (!scratch)
		rc = error_set(err, -ENOMEM, "out of memory");
	for (size_t r = 0; r < n && rc == 0; r += MODEL_BATCH_MAX)
		model_score(model, rows + r * info->n_features, values + r * info->n_outputs,
			(uint32_t)(n - r < MODEL_BATCH_MAX ? n - r : MODEL_BATCH_MAX), scratch,
			MODEL_BATCH_MAX);
	free(scratch);
	model_close(model);
	return rc;
}

// The same graph with that tensor for its one output, as an image.
static int values_compute(const struct graph *graph, uint32_t tensor, const float *rows, size_t n,
	float *values, struct error *err)
{
	const uint32_t columns = (uint32_t)tensor_elements(&graph->tensors[tensor]);
	struct graph_port port = { .tensor = tensor };
	struct graph cut = *graph;
	const char **names = calloc(columns + 1u, sizeof(*names));
	char(*texts)[16] = calloc(columns + 1u, sizeof(*texts));
	void *image = NULL;
	size_t size;
	int rc;

	if (!names || !texts) {
		rc = error_set(err, -ENOMEM, "out of memory for %" PRIu32 " columns", columns);
	} else {
		for (uint32_t i = 0; i < columns; i++) {
			snprintf(texts[i], sizeof(texts[i]), "v%" PRIu32, i);
			names[i] = texts[i];
		}
		cut.outputs = &port;
		cut.n_outputs = 1;
		cut.n_columns_out = columns;
		cut.output_names = names;
		cut.n_class_labels = cut.n_golden = 0;
		cut.reference = NULL;
		rc = image_write(&cut, &image, &size, err);
	}
	if (rc == 0)
		rc = values_score(image, size, rows, n, values, err);
	free(image);
	free(names);
	free(texts);
	return rc;
}

int values_at(const struct graph *graph, uint32_t tensor, const float *rows, size_t n,
	float **values, struct error *err)
{
	const size_t columns = (size_t)tensor_elements(&graph->tensors[tensor]);

	*values = malloc((n * columns + 1) * sizeof(**values));
	if (!*values)
		return error_set(
			err, -ENOMEM, "out of memory for %zu rows of %zu values", n, columns);
	for (uint32_t i = 0; i < graph->n_inputs; i++) {
		if (graph->inputs[i].tensor != tensor)
			continue;
		for (size_t r = 0; r < n; r++)
			memcpy(*values + r * columns,
				rows + r * graph->n_features + graph->inputs[i].first_column,
				columns * sizeof(**values));
		return 0;
	}
	return values_compute(graph, tensor, rows, n, *values, err);
}
