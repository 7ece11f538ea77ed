// SPDX-License-Identifier: BSD-3-Clause
#include "tests/parity/parity.h"

#include <math.h>
#include <stdlib.h>

static double score_and_compare(const struct model *model, const float *rows, size_t n_rows,
	const float *expected, uint32_t batch)
{
	uint32_t in = model_info(model)->n_features, out = model_info(model)->n_outputs;
	size_t bytes = (model_scratch_bytes(model, batch) + 64) & ~(size_t)63;
	void *scratch = aligned_alloc(64, bytes);
	float *scores = calloc(batch, out * sizeof(float));
	double worst = 0;

	for (size_t r = 0; scratch && scores && r < n_rows; r += batch) {
		uint32_t n = n_rows - r < batch ? (uint32_t)(n_rows - r) : batch;

		model_score(model, rows + r * in, scores, n, scratch, batch);
		for (size_t i = 0; i < (size_t)n * out; i++) {
			double a = (double)scores[i], b = (double)expected[r * out + i];
			double difference = fabs(a - b) / fmax(1, fabs(b));

			if (isnan(b) ? !isnan(a) : !(difference <= worst) && a != b)
				worst = isnan(difference) ? INFINITY : difference;
		}
	}
	if (!scratch || !scores)
		worst = INFINITY;
	free(scratch);
	free(scores);
	return worst;
}

double parity_difference(const void *image, size_t size, const float *rows, size_t n_rows,
	uint32_t n_columns, const float *expected, uint32_t n_outputs, struct error *err)
{
	static const unsigned MASKS[] = { ISA_SCALAR, ISA_AVX2, ISA_AVX2 | ISA_AVX512, ~0u };
	static const uint32_t BATCHES[] = { 1, 7, 64 };
	double worst = 0;

	for (size_t m = 0; m < sizeof(MASKS) / sizeof(*MASKS); m++) {
		const struct model_options options = { .isa_mask = MASKS[m] & isa_detected(),
			.isa_limited = true,
			.no_timing = true };
		struct model *model;

		if (model_open(image, size, &options, &model, err) != 0)
			return -1;
		if (model_info(model)->n_features != n_columns ||
			model_info(model)->n_outputs != n_outputs) {
			error_set(err, -EINVAL, "%u features and %u outputs, expected %u and %u",
				model_info(model)->n_features, model_info(model)->n_outputs,
				n_columns, n_outputs);
			model_close(model);
			return -1;
		}
		for (size_t b = 0; b < sizeof(BATCHES) / sizeof(*BATCHES); b++)
			worst = fmax(worst,
				score_and_compare(model, rows, n_rows, expected, BATCHES[b]));
		model_close(model);
	}
	return worst;
}
