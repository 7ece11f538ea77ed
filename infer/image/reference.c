// SPDX-License-Identifier: BSD-3-Clause
#include "infer/image/reference.h"

#include "base/align.h"
#include "base/drift.h"
#include "infer/graph/arena.h"
#include "infer/image/format.h"

#include <inttypes.h>
#include <math.h>

// Counts that sum to the rows, edges that ascend: what is asked of a column to be compared by.
static int reference_check_column(
	const struct drift_reference *reference, uint32_t column, struct error *err)
{
	const uint64_t *counts = reference->counts + reference->first[column];
	const float *edges = drift_edges(reference, column);
	const uint32_t n = drift_n_counts(reference, column);
	uint64_t left = reference->n_rows;

	for (uint32_t b = 0; b < n; b++) {
		if (counts[b] > left)
			return error_set(err, -EINVAL,
				"image reference column %" PRIu32 " counts more than its %" PRIu64
				" rows",
				column, reference->n_rows);
		left -= counts[b];
	}
	if (left != 0)
		return error_set(err, -EINVAL,
			"image reference column %" PRIu32 " counts %" PRIu64 " of %" PRIu64 " rows",
			column, reference->n_rows - left, reference->n_rows);
	for (uint32_t e = 0; e + 2 < n; e++)
		if (!isfinite(edges[e]) || (e > 0 && !(edges[e - 1] < edges[e])))
			return error_set(err, -EINVAL,
				"image reference column %" PRIu32
				" has bins that are not in ascending order",
				column);
	return 0;
}

static int reference_read_sizes(
	const struct image_reference *head, uint64_t bytes, uint32_t *first, struct error *err)
{
	const uint32_t *sizes = (const void *)(head + 1);
	uint64_t edges, expected;

	for (uint32_t c = 0; c < head->n_columns; c++) {
		if (sizes[c] < 2 || sizes[c] > DRIFT_BINS_MAX + 1)
			return error_set(err, -EINVAL,
				"image reference column %" PRIu32 " has %" PRIu32
				" counts; should be 2 to %u",
				c, sizes[c], DRIFT_BINS_MAX + 1);
		first[c + 1] = first[c] + sizes[c];
	}
	edges = first[head->n_columns] - 2 * head->n_columns;
	expected = sizeof(*head) + align_up(head->n_columns * sizeof(uint32_t), 8) +
		first[head->n_columns] * sizeof(uint64_t) + align_up(edges * sizeof(float), 8);
	if (bytes != expected)
		return error_set(err, -EINVAL,
			"image reference takes %" PRIu64 " bytes, its columns have %" PRIu64, bytes,
			expected);
	return 0;
}

int image_read_reference(
	const void *section, uint64_t bytes, struct graph *graph, struct error *err)
{
	const struct image_reference *head = section;
	struct drift_reference *reference;
	uint32_t *first;
	int rc;

	if (bytes == 0)
		return 0;
	if (bytes < sizeof(*head) || head->reserved != 0 || head->n_rows == 0 ||
		head->n_rows > DRIFT_ROWS_MAX ||
		head->n_columns != graph->n_features + graph->n_columns_out ||
		head->n_columns * sizeof(uint32_t) > bytes - sizeof(*head))
		return error_set(err, -EINVAL,
			"the image's reference of %" PRIu64
			" bytes is damaged: it should hold rows "
			"for %" PRIu32 " features and %" PRIu32 " outputs",
			bytes, graph->n_features, graph->n_columns_out);
	reference = arena_calloc(graph->arena, 1, sizeof(*reference));
	first = arena_calloc(graph->arena, head->n_columns + 1ull, sizeof(*first));
	if (!reference || !first)
		return error_set(err, -ENOMEM, "no memory for the reference");
	rc = reference_read_sizes(head, bytes, first, err);
	if (rc != 0)
		return rc;
	*reference = (struct drift_reference){
		.n_rows = head->n_rows, .n_columns = head->n_columns, .first = first
	};
	reference->counts = (const void *)((const uint8_t *)(head + 1) +
		align_up(head->n_columns * sizeof(uint32_t), 8));
	reference->edges = (const void *)(reference->counts + first[head->n_columns]);
	for (uint32_t c = 0; c < head->n_columns && rc == 0; c++)
		rc = reference_check_column(reference, c, err);
	graph->reference = reference;
	return rc;
}
