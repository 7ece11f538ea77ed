// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/warm.h"

#include "base/drift.h"
#include "infer/infer.h"

#include <math.h>
#include <stdlib.h>

enum { WARM_USUAL, WARM_ZEROS, WARM_ONES, WARM_ROWS };

// A value in the middle of a feature's rows: the edge below which lies half of them.
static float warm_usual(const struct drift_reference *reference, uint32_t feature)
{
	const uint32_t n_edges = drift_n_counts(reference, feature) - 2;
	const uint64_t *counts = reference->counts + reference->first[feature];
	const float *edges = drift_edges(reference, feature);
	uint64_t seen = 0;

	for (uint32_t e = 0; e < n_edges; e++) {
		seen += counts[e];
		if (seen >= reference->n_rows / 2)
			return edges[e];
	}
	return n_edges ? edges[n_edges - 1] : 0;
}

static void warm_fill(const struct model_info *info, float *rows)
{
	for (uint32_t f = 0; f < info->n_features; f++) {
		rows[WARM_USUAL * info->n_features + f] =
			info->reference ? warm_usual(info->reference, f) : 0.5f;
		rows[WARM_ZEROS * info->n_features + f] = 0;
		rows[WARM_ONES * info->n_features + f] = 1;
	}
}

static int warm_score(const struct model *model, float *rows, float *scores, void *scratch)
{
	const struct model_info *info = model_info(model);

	warm_fill(info, rows);
	model_score(model, rows, scores, WARM_ROWS, scratch, WARM_ROWS);
	for (uint32_t i = 0; i < WARM_ROWS * info->n_outputs; i++)
		if (isfinite(scores[i]))
			return 0;
	return -EINVAL;
}

int warm_model(const struct model *model, struct error *err)
{
	const struct model_info *info = model_info(model);
	const size_t scratch_bytes = (model_scratch_bytes(model, WARM_ROWS) + 63) / 64 * 64;
	float *rows, *scores;
	void *scratch;
	int rc;

	if (info->n_golden)
		return model_check_golden(model, err);
	rows = calloc((size_t)WARM_ROWS * info->n_features, sizeof(*rows));
	scores = calloc((size_t)WARM_ROWS * info->n_outputs, sizeof(*scores));
	scratch = scratch_bytes ? aligned_alloc(64, scratch_bytes) : NULL;
	if (!rows || !scores || (scratch_bytes && !scratch))
		rc = error_set(err, -ENOMEM, "no memory to score a first row");
	else if (warm_score(model, rows, scores, scratch) != 0)
		rc = error_set(err, -EINVAL,
			"scored once before it serves, it has no finite score: neither of a row of "
			"%s, nor of zeros, nor of ones; its weights may be damaged: compile it "
			"again",
			info->reference ? "usual values" : "halves");
	else
		rc = 0;
	free(rows);
	free(scores);
	free(scratch);
	return rc;
}
