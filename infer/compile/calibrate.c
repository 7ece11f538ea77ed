// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/calibrate.h"

#include "infer/graph/arena.h"
#include "infer/infer.h"

#include <math.h>

#define CODE_MAX 127.0f

int calibrate_inputs(struct graph *graph, const float *rows, size_t n_rows, struct error *err)
{
	uint32_t n = graph->n_features;
	float *scale = arena_calloc(graph->arena, n, sizeof(*scale));
	float *zero = arena_calloc(graph->arena, n, sizeof(*zero));

	if (!scale || !zero)
		return error_set(err, -ENOMEM, "out of memory for the scales of %u features", n);
	for (uint32_t c = 0; c < n; c++) {
		float low = INFINITY, high = -INFINITY;

		if (graph->input_scale_given && graph->input_scale[c] > 0) {
			scale[c] = graph->input_scale[c];
			zero[c] = graph->input_zero[c];
			continue;
		}
		for (size_t r = 0; r < n_rows; r++) {
			float x = rows[r * n + c];

			if (isfinite(x)) {
				low = fminf(low, x);
				high = fmaxf(high, x);
			}
		}
		scale[c] = (high - low) / CODE_MAX;
		zero[c] = -low / scale[c];
		// A constant feature has no range: its value and whole steps above it.
		if (!(scale[c] > 0) || !isfinite(scale[c]) || !isfinite(zero[c])) {
			scale[c] = 1;
			zero[c] = isfinite(low) && low <= high ? -low : 0;
		}
	}
	// The numbers of texts are what they are, from 0.
	for (uint32_t t = 0; t < graph->n_texts; t++) {
		scale[graph->texts[t].feature] = 1;
		zero[graph->texts[t].feature] = 0;
	}
	graph->input_scale = scale;
	graph->input_zero = zero;
	return 0;
}
