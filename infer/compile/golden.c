// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/golden.h"

#include "base/align.h"
#include "base/random.h"
#include "infer/compile/noise.h"
#include "infer/graph/arena.h"
#include "infer/graph/trees.h"
#include "infer/model_internal.h"
#include "infer/ops/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN_SEED       UINT64_C(0x6d61727436a7)
#define GOLDEN_CANDIDATES (4 * GOLDEN_ROWS_MAX)
#define GOLDEN_ROWS_MIN   4u                  // of a model however big
#define GOLDEN_WORK       ((uint64_t)1 << 31) // multiply-adds of all rows: scored by plain loops

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

// Rows of the model's own, evenly spread and finite; the rows between them are the next candidates.
static uint32_t golden_choose(
	float *golden, uint32_t n_features, const float *rows, size_t n_rows, uint32_t wanted)
{
	const size_t step = n_rows > wanted ? n_rows / wanted : 1;
	uint32_t n = 0;

	for (size_t first = 0; first < step && n < GOLDEN_CANDIDATES; first++) {
		for (size_t r = first; r < n_rows && n < GOLDEN_CANDIDATES; r += step) {
			if (golden_all_finite(rows + r * n_features, n_features))
				memcpy(golden + (size_t)n++ * n_features, rows + r * n_features,
					n_features * sizeof(float));
		}
	}
	return n;
}

static uint32_t golden_draw_rows(float *golden, uint32_t n_features)
{
	uint64_t state = GOLDEN_SEED;

	for (size_t i = 0; i < (size_t)GOLDEN_CANDIDATES * n_features; i++)
		golden[i] = golden_draw(&state);
	return GOLDEN_CANDIDATES;
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

// The numbers of texts: all that the feature has, and one that is none of them.
static void golden_draw_texts(const struct graph *graph, float *golden, uint32_t n)
{
	uint64_t state = GOLDEN_SEED;

	for (uint32_t t = 0; t < graph->n_texts; t++) {
		const struct model_texts *texts = &graph->texts[t];

		for (uint32_t r = 0; r < n; r++)
			golden[(size_t)r * graph->n_features + texts->feature] =
				(float)(random_next(&state) % (texts->n_texts + 1ull));
	}
}

// What golden_fill() chooses from, and what it has chosen: in the graph's memory.
struct golden {
	struct graph *graph;
	struct model *model;           // of it; NULL: to be opened
	uint64_t macs;                 // of a row
	uint32_t wanted;               // rows
	float *candidates;             // [GOLDEN_CANDIDATES][n_features]
	float *outputs, *spread;       // of candidates at hand: [GOLDEN_ROWS_MAX][n_columns_out]
	float *rows, *kept;            // [GOLDEN_ROWS_MAX] of what is chosen
	float *tolerance;              // likewise; NULL: by model_score_agrees()'s rule
	bool takes_hanging;            // for want of others
	uint32_t n_not_finite, n_hang; // left out
	struct error *err;
};

static bool golden_allocate(struct golden *golden)
{
	const struct graph *graph = golden->graph;
	const size_t in = graph->n_features, out = graph->n_columns_out;

	golden->candidates = arena_calloc(graph->arena, GOLDEN_CANDIDATES, in * sizeof(float));
	golden->rows = arena_calloc(graph->arena, GOLDEN_ROWS_MAX, in * sizeof(float));
	golden->outputs = arena_calloc(graph->arena, GOLDEN_ROWS_MAX, out * sizeof(float));
	golden->spread = arena_calloc(graph->arena, GOLDEN_ROWS_MAX, out * sizeof(float));
	golden->kept = arena_calloc(graph->arena, GOLDEN_ROWS_MAX, out * sizeof(float));
	golden->tolerance = arena_calloc(graph->arena, GOLDEN_ROWS_MAX, out * sizeof(float));
	return golden->candidates && golden->rows && golden->outputs && golden->spread &&
		golden->kept && golden->tolerance;
}

// The graph as a model, as far as `isa_mask` allows.
static int golden_open(
	const struct graph *graph, unsigned isa_mask, struct model **model, struct error *err)
{
	const struct model_options options = {
		.isa_mask = isa_mask, .isa_limited = true, .no_timing = true
	};

	return model_build(graph, 0, &options, model, err);
}

// outputs [n][n_columns_out]
static int golden_score_with(
	const struct model *model, const float *rows, float *outputs, uint32_t n, struct error *err)
{
	void *scratch = aligned_alloc(64, align_up(model_scratch_bytes(model, n), 64));

	if (!scratch)
		return error_set(err, -ENOMEM, "out of memory for scratch");
	model_score(model, rows, outputs, n, scratch, n);
	free(scratch);
	return 0;
}

// Scores n rows as far as `isa_mask` allows. outputs [n][n_columns_out].
static int golden_score(const struct graph *graph, unsigned isa_mask, const float *rows,
	float *outputs, uint32_t n, struct error *err)
{
	struct model *model;
	int rc = golden_open(graph, isa_mask, &model, err);

	if (rc != 0)
		return rc;
	rc = golden_score_with(model, rows, outputs, n, err);
	model_close(model);
	return rc;
}

// Every row goes through all weights, so that few of them find a fault as well.
static uint32_t golden_rows_wanted(uint64_t macs)
{
	const uint64_t rows = GOLDEN_WORK / (macs + 1);

	return rows < GOLDEN_ROWS_MIN    ? GOLDEN_ROWS_MIN
		: rows < GOLDEN_ROWS_MAX ? (uint32_t)rows
					 : GOLDEN_ROWS_MAX;
}

// Puts those of `n` candidates, which are scored, into the graph that serve.
static void golden_keep(struct golden *golden, const float *rows, uint32_t n, const bool *hangs)
{
	struct graph *graph = golden->graph;
	const size_t n_in = graph->n_features, n_out = graph->n_columns_out;

	for (uint32_t r = 0; r < n && graph->n_golden < golden->wanted; r++) {
		const uint32_t to = graph->n_golden;

		if (!golden_all_finite(golden->outputs + r * n_out, n_out)) {
			golden->n_not_finite++;
			continue;
		}
		if (hangs[r] && !golden->takes_hanging) {
			golden->n_hang++;
			continue;
		}
		memcpy(golden->rows + to * n_in, rows + r * n_in, n_in * sizeof(float));
		memcpy(golden->kept + to * n_out, golden->outputs + r * n_out,
			n_out * sizeof(float));
		memcpy(golden->tolerance + to * n_out, golden->spread + r * n_out,
			n_out * sizeof(float));
		graph->n_golden++;
	}
}

// The model is closed before the noise is measured, which takes as much memory; seldom are candidates of
// a second round wanted.
static int golden_score_candidates(struct golden *golden, const float *rows, uint32_t n)
{
	int rc = golden->model
		? 0
		: golden_open(golden->graph, ISA_SCALAR, &golden->model, golden->err);

	if (rc == 0)
		rc = golden_score_with(golden->model, rows, golden->outputs, n, golden->err);
	model_close(golden->model);
	golden->model = NULL;
	return rc;
}

// Goes through the candidates, some at a time, until there are enough rows that serve.
static int golden_select(struct golden *golden, uint32_t n_candidates)
{
	struct graph *graph = golden->graph;
	const bool rounds = graph_rounds(graph);

	graph->n_golden = 0;
	graph->golden_rows = golden->rows;
	graph->golden_outputs = golden->kept;
	graph->golden_tolerance = rounds ? NULL : golden->tolerance;
	for (uint32_t at = 0; at < n_candidates && graph->n_golden < golden->wanted;) {
		const float *rows = golden->candidates + (size_t)at * graph->n_features;
		bool hangs[GOLDEN_ROWS_MAX] = { false };
		uint32_t n = n_candidates - at;
		int rc;

		n = n < golden->wanted ? n : golden->wanted;
		rc = golden_score_candidates(golden, rows, n);
		if (rc == 0 && !rounds)
			rc = noise_measure(graph, rows, n, golden->outputs, golden->macs,
				golden->spread, hangs, golden->err);
		if (rc != 0)
			return rc;
		golden_keep(golden, rows, n, hangs);
		at += n;
	}
	return 0;
}

static void golden_report(const struct golden *golden, struct compile_report *report)
{
	if (golden->n_not_finite)
		report_add(report, "%u golden rows left out: their scores are not finite",
			golden->n_not_finite);
	if (golden->takes_hanging)
		report_add(report,
			"each golden row has scores that hang by the last bit of a float, as where "
			"two labels have equal votes: those scores are not checked");
	else if (golden->n_hang)
		report_add(report,
			"%u golden rows left out: their scores hang by the last bit of a float, as "
			"where two labels have equal votes",
			golden->n_hang);
	if (golden->graph->n_golden == 0)
		report_add(report,
			"no golden row serves, so nothing checks that the image scores as the "
			"file does: give rows of your own by --rows FILE");
}

int golden_fill(struct graph *graph, const float *rows, size_t n_rows,
	struct compile_report *report, struct error *err)
{
	struct golden golden = { .graph = graph, .err = err };
	uint32_t n;
	int rc;

	if (!golden_allocate(&golden))
		return error_set(err, -ENOMEM, "out of memory for golden rows");
	rc = golden_open(graph, ISA_SCALAR, &golden.model, err);
	if (rc != 0)
		return rc;
	golden.macs = model_info(golden.model)->macs_per_row;
	golden.wanted = golden_rows_wanted(golden.macs);
	if (n_rows > 0) {
		n = golden_choose(
			golden.candidates, graph->n_features, rows, n_rows, golden.wanted);
	} else {
		n = golden_draw_rows(golden.candidates, graph->n_features);
		golden_draw_for_trees(graph, golden.candidates, n);
		golden_draw_texts(graph, golden.candidates, n);
	}
	rc = golden_select(&golden, n);
	if (rc == 0 && graph->n_golden == 0 && golden.n_hang > 0) {
		golden.takes_hanging = true;
		golden.n_not_finite = 0;
		rc = golden_select(&golden, n);
	}
	model_close(golden.model);
	if (rc == 0)
		golden_report(&golden, report);
	return rc;
}

int golden_rescore(
	struct graph *graph, const char *bits, struct compile_report *report, struct error *err)
{
	const size_t count = (size_t)graph->n_golden * graph->n_columns_out;
	float *outputs = arena_calloc(graph->arena, count + 1, sizeof(float));
	float low = INFINITY, high = -INFINITY, apart = 0;
	int rc;

	if (!outputs)
		return error_set(err, -ENOMEM, "out of memory for golden rows");
	rc = golden_score(graph, ISA_SCALAR, graph->golden_rows, outputs, graph->n_golden, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < count; i++) {
		low = fminf(low, graph->golden_outputs[i]);
		high = fmaxf(high, graph->golden_outputs[i]);
		apart = fmaxf(apart, fabsf(outputs[i] - graph->golden_outputs[i]));
	}
	graph->golden_outputs = outputs;
	graph->golden_tolerance = NULL;
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
		if (!model_score_agrees(a[i], b[i], NULL))
			return false;
	}
	return true;
}

int golden_settle(struct graph *graph, struct compile_report *report, struct error *err)
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
		rc = golden_score(graph, mask, rows, outputs, graph->n_golden, err);
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
			"only %u of %u golden rows score alike by all instruction sets of this "
			"CPU: "
			"give rows of your own by --rows FILE",
			graph->n_golden, n);
	if (graph->n_golden < n)
		report_add(report,
			"%u of %u golden rows left out: the last bit of a float decides there",
			n - graph->n_golden, n);
	return 0;
}
