// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/golden.h"

#include "base/align.h"
#include "base/floats.h"
#include "infer/compile/golden_rows.h"
#include "infer/compile/noise.h"
#include "infer/graph/arena.h"
#include "infer/model_internal.h"
#include "infer/ops/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN_CANDIDATES 4  // to choose from, for each row that is wanted
#define GOLDEN_CHUNK      16 // rows that are measured at a time
// What more than GOLDEN_ROWS_LEAST rows may cost: floats of a row and its scores, and multiply-adds.
#define GOLDEN_FLOATS ((uint64_t)1 << 16)
#define GOLDEN_WORK   ((uint64_t)1 << 26)
// Multiply-adds of all rows in any case, which are scored by plain loops, and the rows of a model however
// big.
#define GOLDEN_WORK_MOST ((uint64_t)1 << 31)
#define GOLDEN_ROWS_BIG  4u
// How far scores may be apart in the mean, in tolerances: of very many rows, and how much more of few.
// Of more than 4,000 sound models, compiled on one instruction set and scored on another, none was apart by more
// than three quarters of it.
#define GOLDEN_MEAN     0.2f
#define GOLDEN_MEAN_FEW 0.8f

// What golden_fill() chooses from, and what it has chosen: in the graph's memory.
struct golden {
	struct graph *graph;
	struct model *model; // of it; NULL: to be opened
	uint64_t macs;       // of a row
	uint32_t wanted;
	struct golden_rows candidates;
	float *outputs, *spread;       // of candidates at hand: [GOLDEN_CHUNK][n_columns_out]
	float *rows, *kept;            // [wanted] of what is chosen
	float *tolerance;              // likewise; NULL: by model_score_agrees()'s rule
	bool takes_hanging;            // for want of others
	uint32_t n_not_finite, n_hang; // left out
	struct error *err;
};

// As many as are cheap to keep and to score; of a graph that rounds few, since half of them must agree; of
// a big one very few, since every row goes through all weights.
static uint32_t golden_wanted(const struct graph *graph, uint64_t macs)
{
	const uint64_t floats = (uint64_t)graph->n_features + 2ull * graph->n_columns_out;
	const uint64_t by_floats = GOLDEN_FLOATS / floats, by_work = GOLDEN_WORK / (macs + 1);
	const uint64_t most = GOLDEN_WORK_MOST / (macs + 1);
	const uint64_t wanted = by_floats < by_work ? by_floats : by_work;

	if (most < GOLDEN_ROWS_LEAST)
		return most < GOLDEN_ROWS_BIG ? GOLDEN_ROWS_BIG : (uint32_t)most;
	if (graph_rounds(graph) || wanted < GOLDEN_ROWS_LEAST)
		return GOLDEN_ROWS_LEAST;
	return wanted < GOLDEN_ROWS_MAX ? (uint32_t)wanted : GOLDEN_ROWS_MAX;
}

static bool golden_allocate(struct golden *golden)
{
	const struct graph *graph = golden->graph;
	const size_t in = graph->n_features * sizeof(float),
		     out = graph->n_columns_out * sizeof(float);

	golden->candidates.count_max = GOLDEN_CANDIDATES * golden->wanted;
	golden->candidates.rows = arena_calloc(graph->arena, golden->candidates.count_max, in);
	golden->rows = arena_calloc(graph->arena, golden->wanted, in);
	golden->outputs = arena_calloc(graph->arena, GOLDEN_CHUNK, out);
	golden->spread = arena_calloc(graph->arena, GOLDEN_CHUNK, out);
	golden->kept = arena_calloc(graph->arena, golden->wanted, out);
	golden->tolerance = arena_calloc(graph->arena, golden->wanted, out);
	return golden->candidates.rows && golden->rows && golden->outputs && golden->spread &&
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

// Puts those of `n` candidates from `first`, which are scored, into the graph that serve.
static void golden_keep(struct golden *golden, uint32_t first, uint32_t n, const bool *hangs)
{
	struct graph *graph = golden->graph;
	const size_t n_in = graph->n_features, n_out = graph->n_columns_out;
	const float *rows = golden->candidates.rows + first * n_in;

	for (uint32_t r = 0; r < n && graph->n_golden < golden->wanted; r++) {
		const uint32_t to = graph->n_golden;
		const bool is_odd = golden->candidates.has_odd && (first + r) % 4 != 0;

		if (!floats_finite(golden->outputs + r * n_out, n_out)) {
			golden->n_not_finite += !is_odd;
			continue;
		}
		if (hangs[r] && !golden->takes_hanging) {
			golden->n_hang += !is_odd;
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

// The model is closed before the noise is measured, which takes as much memory, where one round will
// do: big models have few rows.
static int golden_score_candidates(struct golden *golden, const float *rows, uint32_t n)
{
	int rc = golden->model
		? 0
		: golden_open(golden->graph, ISA_SCALAR, &golden->model, golden->err);

	if (rc == 0)
		rc = golden_score_with(golden->model, rows, golden->outputs, n, golden->err);
	if (golden->wanted <= GOLDEN_CHUNK) {
		model_close(golden->model);
		golden->model = NULL;
	}
	return rc;
}

// Goes through the candidates, some at a time, until there are enough rows that serve.
static int golden_select(struct golden *golden)
{
	struct graph *graph = golden->graph;
	const uint32_t n_candidates = golden->candidates.count;
	const bool rounds = graph_rounds(graph);

	graph->n_golden = 0;
	graph->golden_rows = golden->rows;
	graph->golden_outputs = golden->kept;
	graph->golden_tolerance = rounds ? NULL : golden->tolerance;
	for (uint32_t at = 0; at < n_candidates && graph->n_golden < golden->wanted;) {
		const float *rows = golden->candidates.rows + (size_t)at * graph->n_features;
		bool hangs[GOLDEN_CHUNK] = { false };
		uint32_t n = n_candidates - at;
		int rc;

		n = n < GOLDEN_CHUNK ? n : GOLDEN_CHUNK;
		rc = golden_score_candidates(golden, rows, n);
		if (rc == 0 && !rounds)
			rc = noise_measure(graph, rows, n, golden->outputs, golden->macs,
				golden->spread, hangs, golden->err);
		if (rc != 0)
			return rc;
		golden_keep(golden, at, n, hangs);
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

// Rows that differ from all before them: rounding is independent in those.
static uint32_t golden_different_rows(const struct graph *graph)
{
	const size_t k = graph->n_features;
	uint32_t count = 0;

	for (uint32_t r = 0; r < graph->n_golden; r++) {
		uint32_t before = 0;

		while (before < r &&
			memcmp(graph->golden_rows + before * k, graph->golden_rows + r * k,
				k * sizeof(float)) != 0)
			before++;
		count += before == r;
	}
	return count;
}

static int golden_find_candidates(
	struct golden *golden, const float *rows, size_t n_rows, bool closest)
{
	struct graph *graph = golden->graph;
	int rc;

	golden->wanted = golden_wanted(graph, golden->macs);
	if (!golden_allocate(golden))
		return error_set(golden->err, -ENOMEM, "out of memory for golden rows");
	if (n_rows > 0) {
		golden_rows_choose(
			&golden->candidates, graph->n_features, rows, n_rows, golden->wanted);
		return closest ? golden_rows_closest(graph, golden->model, &golden->candidates,
					 rows, n_rows, golden->err)
			       : 0;
	}
	rc = golden_rows_draw(graph, &golden->candidates, golden->wanted, golden->err);
	if (rc == 0 && !graph_rounds(graph))
		rc = golden_rows_halve(graph, golden->model, &golden->candidates, golden->err);
	return rc;
}

int golden_fill(struct graph *graph, const float *rows, size_t n_rows, bool closest,
	struct compile_report *report, struct error *err)
{
	struct golden golden = { .graph = graph, .err = err };
	int rc = golden_open(graph, ISA_SCALAR, &golden.model, err);

	if (rc != 0)
		return rc;
	golden.macs = model_info(golden.model)->macs_per_row;
	rc = golden_find_candidates(&golden, rows, n_rows, closest);
	if (rc == 0)
		rc = golden_select(&golden);
	if (rc == 0 && graph->n_golden == 0 && golden.n_hang > 0) {
		golden.takes_hanging = true;
		golden.n_not_finite = 0;
		rc = golden_select(&golden);
	}
	model_close(golden.model);
	if (rc != 0)
		return rc;
	if (graph->golden_tolerance && graph->n_golden > 0)
		graph->golden_mean = fminf(1.0f,
			GOLDEN_MEAN + GOLDEN_MEAN_FEW / sqrtf((float)golden_different_rows(graph)));
	golden_report(&golden, report);
	return 0;
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
	graph->golden_mean = 0;
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
