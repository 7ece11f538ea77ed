// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/calibrate.h"

#include "infer/arena.h"
#include "infer/trees.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CODE_MAX    127.0f
#define GOLDEN_SEED UINT64_C(0x6d61727436a7)

int calibrate_inputs(struct graph *graph, const float *rows, size_t n_rows, struct error *err)
{
	uint32_t n = graph->n_features;
	float *scale = arena_calloc(graph->arena, n, sizeof(*scale));
	float *zero = arena_calloc(graph->arena, n, sizeof(*zero));

	if (!scale || !zero)
		return error_set(err, -ENOMEM, "out of memory for the scales of %u features", n);
	for (uint32_t c = 0; c < n; c++) {
		float low = INFINITY, high = -INFINITY;

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
	graph->input_scale = scale;
	graph->input_zero = zero;
	return 0;
}

// xorshift64*: the same rows on every machine.
static float draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (float)(*state * UINT64_C(0x2545f4914f6cdd1d) >> 40) / (float)(1 << 22) - 2.0f;
}

static bool all_finite(const float *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!isfinite(values[i]))
			return false;
	}
	return true;
}

static uint32_t choose(float *golden, uint32_t n_features, const float *rows, size_t n_rows)
{
	uint64_t state = GOLDEN_SEED;
	uint32_t n = 0;
	size_t step = n_rows > GOLDEN_ROWS_MAX ? n_rows / GOLDEN_ROWS_MAX : 1;

	for (size_t r = 0; r < n_rows && n < GOLDEN_ROWS_MAX; r += step) {
		if (all_finite(rows + r * n_features, n_features))
			memcpy(golden + (size_t)n++ * n_features, rows + r * n_features,
				n_features * sizeof(float));
	}
	for (; n_rows == 0 && n < GOLDEN_ROWS_MAX; n++) {
		for (uint32_t c = 0; c < n_features; c++)
			golden[(size_t)n * n_features + c] = draw(&state);
	}
	return n;
}

// Where the model's one input goes straight into trees, rows about their thresholds: others would
// all take the same few ways.
static void draw_for_trees(const struct graph *graph, float *golden, uint32_t n)
{
	for (uint32_t i = 0; i < graph->n_nodes && graph->n_inputs == 1; i++) {
		const struct node *node = &graph->nodes[i];
		struct trees trees;

		if (node->op != OP_TREES || node->inputs[0] != graph->inputs[0].tensor)
			continue;
		trees_of_node(graph, node, &trees);
		if (trees.n_features == graph->n_features &&
			trees_draw_rows(&trees, n, golden) == 0)
			return;
	}
}

// Keeps the rows whose scores are finite; returns how many.
static uint32_t keep_finite(float *rows, float *outputs, uint32_t n, uint32_t n_in, uint32_t n_out)
{
	uint32_t kept = 0;

	for (uint32_t r = 0; r < n; r++) {
		if (!all_finite(outputs + (size_t)r * n_out, n_out))
			continue;
		memmove(rows + (size_t)kept * n_in, rows + (size_t)r * n_in, n_in * sizeof(float));
		memmove(outputs + (size_t)kept * n_out, outputs + (size_t)r * n_out,
			n_out * sizeof(float));
		kept++;
	}
	return kept;
}

int golden_fill(struct graph *graph, const void *image, size_t image_size, const float *rows,
	size_t n_rows, struct compile_report *report, struct error *err)
{
	const struct model_options scalar = {
		.isa_mask = ISA_SCALAR, .isa_limited = true, .no_timing = true
	};
	float *golden =
		arena_calloc(graph->arena, GOLDEN_ROWS_MAX, graph->n_features * sizeof(float));
	float *outputs =
		arena_calloc(graph->arena, GOLDEN_ROWS_MAX, graph->n_columns_out * sizeof(float));
	struct model *model;
	uint32_t chosen;
	void *scratch;
	int rc;

	if (!golden || !outputs)
		return error_set(err, -ENOMEM, "out of memory for golden rows");
	rc = model_open(image, image_size, &scalar, &model, err);
	if (rc != 0)
		return rc;
	scratch = aligned_alloc(64, (model_scratch_bytes(model, 1) + 64) & ~(size_t)63);
	if (scratch) {
		chosen = choose(golden, graph->n_features, rows, n_rows);
		if (n_rows == 0)
			draw_for_trees(graph, golden, chosen);
		model_score(model, golden, outputs, chosen, scratch, 1);
		graph->n_golden = keep_finite(
			golden, outputs, chosen, graph->n_features, graph->n_columns_out);
		graph->golden_rows = golden;
		graph->golden_outputs = outputs;
		if (graph->n_golden < chosen)
			report_add(report,
				"%u of %u golden rows left out: their scores are not finite",
				chosen - graph->n_golden, chosen);
	} else {
		rc = error_set(err, -ENOMEM, "out of memory for scratch");
	}
	free(scratch);
	model_close(model);
	return rc;
}
