// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/golden.h"

#include "base/align.h"
#include "base/random.h"
#include "infer/graph/arena.h"
#include "infer/graph/trees.h"
#include "infer/model_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN_SEED UINT64_C(0x6d61727436a7)

// A fixed seed, so that every machine draws the same rows.
static float golden_draw(uint64_t *state)
{
	return (float)(random_next(state) >> 40) / (float)(1 << 22) - 2.0f;
}

static bool golden_all_finite(const float *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!isfinite(values[i]))
			return false;
	}
	return true;
}

static uint32_t golden_choose(float *golden, uint32_t n_features, const float *rows, size_t n_rows)
{
	uint64_t state = GOLDEN_SEED;
	uint32_t n = 0;
	size_t step = n_rows > GOLDEN_ROWS_MAX ? n_rows / GOLDEN_ROWS_MAX : 1;

	for (size_t r = 0; r < n_rows && n < GOLDEN_ROWS_MAX; r += step) {
		if (golden_all_finite(rows + r * n_features, n_features))
			memcpy(golden + (size_t)n++ * n_features, rows + r * n_features,
				n_features * sizeof(float));
	}
	for (; n_rows == 0 && n < GOLDEN_ROWS_MAX; n++) {
		for (uint32_t c = 0; c < n_features; c++)
			golden[(size_t)n * n_features + c] = golden_draw(&state);
	}
	return n;
}

// Where the model's only input goes straight into trees, draws rows near their thresholds: others
// would all reach the same few leaves.
static void golden_draw_for_trees(const struct graph *graph, float *golden, uint32_t n)
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
static uint32_t golden_keep_finite(
	float *rows, float *outputs, uint32_t n, uint32_t n_in, uint32_t n_out)
{
	uint32_t kept = 0;

	for (uint32_t r = 0; r < n; r++) {
		if (!golden_all_finite(outputs + (size_t)r * n_out, n_out))
			continue;
		memmove(rows + (size_t)kept * n_in, rows + (size_t)r * n_in, n_in * sizeof(float));
		memmove(outputs + (size_t)kept * n_out, outputs + (size_t)r * n_out,
			n_out * sizeof(float));
		kept++;
	}
	return kept;
}

// Scores n of the golden rows with `image` as far as `isa_mask` allows. outputs [n][n_columns_out].
static int golden_score(const void *image, size_t image_size, unsigned isa_mask, const float *rows,
	float *outputs, uint32_t n, struct error *err)
{
	const struct model_options options = {
		.isa_mask = isa_mask, .isa_limited = true, .no_timing = true
	};
	struct model *model;
	void *scratch;
	int rc = model_open(image, image_size, &options, &model, err);

	if (rc != 0)
		return rc;
	scratch = aligned_alloc(64, align_up(model_scratch_bytes(model, 1), 64));
	if (scratch)
		model_score(model, rows, outputs, n, scratch, 1);
	else
		rc = error_set(err, -ENOMEM, "out of memory for scratch");
	free(scratch);
	model_close(model);
	return rc;
}

int golden_fill(struct graph *graph, const void *image, size_t image_size, const float *rows,
	size_t n_rows, struct compile_report *report, struct error *err)
{
	float *golden =
		arena_calloc(graph->arena, GOLDEN_ROWS_MAX, graph->n_features * sizeof(float));
	float *outputs =
		arena_calloc(graph->arena, GOLDEN_ROWS_MAX, graph->n_columns_out * sizeof(float));
	uint32_t chosen;
	int rc;

	if (!golden || !outputs)
		return error_set(err, -ENOMEM, "out of memory for golden rows");
	chosen = golden_choose(golden, graph->n_features, rows, n_rows);
	if (n_rows == 0)
		golden_draw_for_trees(graph, golden, chosen);
	rc = golden_score(image, image_size, ISA_SCALAR, golden, outputs, chosen, err);
	if (rc != 0)
		return rc;
	graph->n_golden = golden_keep_finite(
		golden, outputs, chosen, graph->n_features, graph->n_columns_out);
	graph->golden_rows = golden;
	graph->golden_outputs = outputs;
	if (graph->n_golden < chosen)
		report_add(report, "%u of %u golden rows left out: their scores are not finite",
			chosen - graph->n_golden, chosen);
	return 0;
}

int golden_rescore(struct graph *graph, const void *image, size_t image_size, const char *bits,
	struct compile_report *report, struct error *err)
{
	const size_t count = (size_t)graph->n_golden * graph->n_columns_out;
	float *outputs = arena_calloc(graph->arena, count + 1, sizeof(float));
	float low = INFINITY, high = -INFINITY, apart = 0;
	int rc;

	if (!outputs)
		return error_set(err, -ENOMEM, "out of memory for golden rows");
	rc = golden_score(
		image, image_size, ISA_SCALAR, graph->golden_rows, outputs, graph->n_golden, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < count; i++) {
		low = fminf(low, graph->golden_outputs[i]);
		high = fmaxf(high, graph->golden_outputs[i]);
		apart = fmaxf(apart, fabsf(outputs[i] - graph->golden_outputs[i]));
	}
	graph->golden_outputs = outputs;
	if (count > 0)
		report_add(report,
			"golden rows score in %s within %.3g of what they do in floats, %.4g to "
			"%.4g",
			bits, (double)apart, (double)low, (double)high);
	return 0;
}

static bool golden_agree(const float *a, const float *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!model_score_agrees(a[i], b[i]))
			return false;
	}
	return true;
}

int golden_settle(struct graph *graph, const void *image, size_t image_size,
	struct compile_report *report, struct error *err)
{
	static const char *const SETS[] = { "scalar", "avx2", "avx512", "avx512vnni", "native" };
	const uint32_t n = graph->n_golden, k = graph->n_features, m = graph->n_columns_out;
	float *rows = arena_memdup(graph->arena, graph->golden_rows, (size_t)n * k * sizeof(*rows));
	float *kept =
		arena_memdup(graph->arena, graph->golden_outputs, (size_t)n * m * sizeof(*kept));
	float *outputs = arena_calloc(graph->arena, (size_t)n * m + 1, sizeof(*outputs));
	int rc;

	if (!rows || !kept || !outputs)
		return error_set(err, -ENOMEM, "out of memory for golden rows");
	graph->golden_rows = rows;
	graph->golden_outputs = kept;
	for (size_t s = 0; s < sizeof(SETS) / sizeof(*SETS); s++) {
		uint32_t count = 0;
		unsigned mask;

		if (isa_parse(SETS[s], &mask, NULL) != 0)
			continue; // another architecture's
		rc = golden_score(image, image_size, mask, rows, outputs, graph->n_golden, err);
		if (rc != 0)
			return rc;
		for (uint32_t r = 0; r < graph->n_golden; r++) {
			if (!golden_agree(outputs + (size_t)r * m, kept + (size_t)r * m, m))
				continue;
			memmove(rows + (size_t)count * k, rows + (size_t)r * k, k * sizeof(*rows));
			memmove(kept + (size_t)count * m, kept + (size_t)r * m, m * sizeof(*kept));
			count++;
		}
		graph->n_golden = count;
	}
	if (graph->n_golden < n / 2)
		return error_set(err, -EINVAL,
			"only %u of %u golden rows score alike by all instruction sets of this CPU",
			graph->n_golden, n);
	if (graph->n_golden < n)
		report_add(report,
			"%u of %u golden rows left out: the last bit of a float decides there",
			n - graph->n_golden, n);
	return 0;
}
