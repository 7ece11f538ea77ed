// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/train/taught_scores.h"

#include "base/align.h"
#include "infer/graph/report.h"
#include "infer/infer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TAUGHT_ROWS ((size_t)4096)

// [n][n_outputs]; NULL without memory.
static float *taught_score(const struct model *model, const struct compile_rows *rows, size_t n)
{
	const struct model_info *info = model_info(model);
	const size_t width = info->n_features;
	float *row = malloc(width * sizeof(*row));
	float *scores = malloc(n * info->n_outputs * sizeof(*scores));
	void *scratch = aligned_alloc(64, align_up(model_scratch_bytes(model, 1) + 64, 64));
	const bool can = row && scores && scratch;

	for (size_t i = 0; can && i < n; i++) {
		memcpy(row, rows->values + i * rows->n_rows / n * width, width * sizeof(*row));
		model_score(model, row, scores + i * info->n_outputs, 1, scratch, 1);
	}
	free(row);
	free(scratch);
	if (!can) {
		free(scores);
		return NULL;
	}
	return scores;
}

int taught_scores_check(const void *image, size_t size, const struct compile_rows *rows,
	const char *path, struct compile_report *report, struct error *err)
{
	const struct model_options options = { .no_timing = true };
	const size_t n = rows->n_rows < TAUGHT_ROWS ? rows->n_rows : TAUGHT_ROWS;
	struct model *model;
	size_t width, same;
	float *scores;
	int rc = model_open(image, size, &options, &model, err);

	if (rc != 0)
		return rc;
	width = model_info(model)->n_outputs;
	scores = taught_score(model, rows, n);
	if (!scores)
		rc = error_set(err, -ENOMEM, "out of memory for %zu scores", n);
	for (size_t i = 0; rc == 0 && i < n * width; i++)
		if (!isfinite(scores[i]))
			rc = error_set(err, -EDOM,
				"%s: a row that was learnt from scores %g: the values, or the "
				"targets, are too large",
				path, (double)scores[i]);
	for (same = 1; rc == 0 && same < n; same++)
		if (memcmp(scores, scores + same * width, width * sizeof(*scores)) != 0)
			break;
	if (rc == 0 && n > 1 && same == n)
		report_add(report,
			"all rows that were learnt from score the same: this model tells nothing "
			"apart");
	free(scores);
	model_close(model);
	return rc;
}
