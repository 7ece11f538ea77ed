// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/golden_rows.h"

#include "base/align.h"
#include "base/floats.h"
#include "base/random.h"
#include "infer/graph/trees.h"
#include "infer/infer.h"
#include "infer/ops/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SEED UINT64_C(0x6d61727436a7)
#define CLOSEST_WORK                                                                               \
	((uint64_t)1 << 30)            // multiply-adds to find the rows whose decisions are closest
#define COVER_WORK ((uint64_t)1 << 27) // leaves that may be looked at to choose rows by them
// Halving: every so many rows, multiply-adds that may be spent, steps, and how far from both ends a
// score is halfway.
#define HALVE_EACH  8u
#define HALVE_ROWS  32u
#define HALVE_WORK  ((uint64_t)1 << 28)
#define HALVE_STEPS 30u
#define HALVE_NEAR  0.1f

// --- The user's own ------------------------------------------------------------------------------

void golden_rows_choose(struct golden_rows *golden, uint32_t n_features, const float *from,
	size_t n_from, uint32_t wanted)
{
	const size_t step = n_from > wanted ? n_from / wanted : 1;

	golden->count = 0;
	for (size_t first = 0; first < step && golden->count < golden->count_max; first++) {
		for (size_t r = first; r < n_from && golden->count < golden->count_max; r += step) {
			if (floats_finite(from + r * n_features, n_features))
				memcpy(golden->rows + (size_t)golden->count++ * n_features,
					from + r * n_features, n_features * sizeof(float));
		}
	}
}

// --- The closest ---------------------------------------------------------------------------------

struct closeness {
	float margin;
	uint32_t row;
};

static int compare_closeness(const void *a, const void *b)
{
	const struct closeness *x = a, *y = b;

	if (x->margin != y->margin)
		return x->margin < y->margin ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

// How far the two largest of several scores are apart, or one is from its threshold. INFINITY: nobody can tell.
static float rows_margin(const float *scores, uint32_t n, float threshold)
{
	float first = -INFINITY, second = -INFINITY, margin;

	for (uint32_t c = 0; c < n; c++) {
		if (scores[c] > first) {
			second = first;
			first = scores[c];
		} else if (scores[c] > second) {
			second = scores[c];
		}
	}
	margin = n > 1 ? first - second : fabsf(scores[0] - threshold);
	return isfinite(margin) ? margin : INFINITY;
}

static float rows_threshold(const struct graph *graph, const float *scores, size_t n)
{
	if (strcmp(graph->output_names[0], "anomaly_score") == 0)
		return 1;
	for (size_t i = 0; i < n; i++)
		if (!(scores[i] >= 0 && scores[i] <= 1))
			return 0;
	return 0.5f;
}

// Scores `n` of the rows, evenly spread, and sorts them by how close they are.
static int rows_find_closest(const struct graph *graph, const struct model *model,
	const float *from, size_t n_from, struct closeness *closest, size_t n)
{
	const size_t in = graph->n_features, out = graph->n_columns_out;
	float *rows = malloc(n * in * sizeof(*rows)), *scores = malloc(n * out * sizeof(*scores));
	void *scratch =
		aligned_alloc(64, align_up(model_scratch_bytes(model, MODEL_BATCH_MAX), 64));
	float threshold;

	if (!rows || !scores || !scratch) {
		free(rows);
		free(scores);
		free(scratch);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		memcpy(rows + i * in, from + i * n_from / n * in, in * sizeof(*rows));
	model_score(model, rows, scores, (uint32_t)n, scratch, MODEL_BATCH_MAX);
	threshold = out == 1 ? rows_threshold(graph, scores, n) : 0;
	for (size_t i = 0; i < n; i++)
		closest[i] = (struct closeness){ floats_finite(rows + i * in, in)
				? rows_margin(scores + i * out, (uint32_t)out, threshold)
				: INFINITY,
			(uint32_t)(i * n_from / n) };
	qsort(closest, n, sizeof(*closest), compare_closeness);
	free(rows);
	free(scores);
	free(scratch);
	return 0;
}

int golden_rows_closest(const struct graph *graph, const struct model *model,
	struct golden_rows *golden, const float *from, size_t n_from, struct error *err)
{
	const uint64_t most = CLOSEST_WORK / (model_info(model)->macs_per_row + graph->n_features);
	const size_t n = n_from < most ? n_from : (size_t)most;
	struct closeness *closest = malloc((n + 1) * sizeof(*closest));
	int rc = closest && n > 0 ? rows_find_closest(graph, model, from, n_from, closest, n) : 0;

	if (!closest || rc != 0) {
		free(closest);
		return error_set(err, -ENOMEM, "out of memory for golden rows");
	}
	for (size_t i = 0; i < n && 2 * i < golden->count && isfinite(closest[i].margin); i++)
		memcpy(golden->rows + 2 * i * graph->n_features,
			from + (size_t)closest[i].row * graph->n_features,
			graph->n_features * sizeof(float));
	free(closest);
	return 0;
}

// --- Drawn ---------------------------------------------------------------------------------------

static float rows_draw(uint64_t *state) // -2 to 2
{
	return (float)(random_next(state) >> 40) / (float)(1 << 22) - 2.0f;
}

// Does the graph sum up values that are all alike in a row of zeros, inside of one operator? Their errors
// of rounding are alike as well, and add up to more than noise_measure() takes such an operator for.
static bool rows_are_alike(const struct graph *graph)
{
	for (uint32_t i = 0; i < graph->n_nodes; i++) {
		const struct node *node = &graph->nodes[i];

		switch (node->op) {
		case OP_LAYER_NORM:
		case OP_NORMALIZER:
		case OP_REDUCE_L1:
		case OP_REDUCE_L2:
		case OP_REDUCE_LOG_SUM:
		case OP_REDUCE_LOG_SUM_EXP:
		case OP_REDUCE_SUM_SQUARE:
		case OP_LP_POOL:
			return true;
		case OP_MATMUL:
			if (!graph->tensors[node->inputs[0]].data &&
				!graph->tensors[node->inputs[1]].data)
				return true;
			break;
		default:
			break;
		}
	}
	return false;
}

// A quarter of the rows each: values from -2 to 2; the same of another magnitude; and twice only some
// features that are not 0, in turn, by themselves where there are enough rows: of a sum of many terms a
// weight that is a little off is seen best where its term is the only one (but see rows_are_alike()).
static void rows_draw_all(const struct graph *graph, struct golden_rows *golden, uint32_t wanted)
{
	static const float MAGNITUDE[] = { 1.0f, 1e-2f, 100.0f, 1e-4f };
	const uint32_t k = graph->n_features, share = (k + wanted / 4 - 1) / (wanted / 4);
	const uint32_t n_shares = (k + share - 1) / share;
	const bool by_themselves = !rows_are_alike(graph);
	uint64_t state = SEED;

	golden->count = golden->count_max;
	golden->has_odd = !graph_rounds(graph);
	for (uint32_t r = 0; r < golden->count; r++) {
		const uint32_t kind = golden->has_odd ? r % 4 : 0, turn = r / 4;
		const float size = kind == 1 ? MAGNITUDE[turn % 4] : kind == 3 ? 100.0f : 1.0f;
		const uint32_t first = turn % n_shares * share;
		float *row = golden->rows + (size_t)r * k;

		for (uint32_t f = 0; f < k; f++) {
			row[f] = rows_draw(&state) * size;
			if (by_themselves && kind >= 2 && (f < first || f >= first + share))
				row[f] = 0;
		}
	}
}

// The numbers of texts: all that the feature has, and one that is none of them.
static void rows_draw_texts(const struct graph *graph, struct golden_rows *golden)
{
	uint64_t state = SEED;

	for (uint32_t t = 0; t < graph->n_texts; t++) {
		const struct model_texts *texts = &graph->texts[t];

		for (uint32_t r = 0; r < golden->count; r++)
			golden->rows[(size_t)r * graph->n_features + texts->feature] =
				(float)(random_next(&state) % (texts->n_texts + 1ull));
	}
}

// --- Trees ---------------------------------------------------------------------------------------

// The trees that the model's only input goes straight into.
static bool rows_find_trees(const struct graph *graph, struct trees *trees)
{
	for (uint32_t i = 0; i < graph->n_nodes && graph->n_inputs == 1; i++) {
		const struct node *node = &graph->nodes[i];

		if (node->op != OP_TREES || node->inputs[0] != graph->inputs[0].tensor)
			continue;
		trees_of_node(graph, node, trees);
		if (trees->n_features == graph->n_features)
			return true;
	}
	return false;
}

static uint32_t rows_leaf(const struct trees *trees, uint32_t tree, const float *row)
{
	int32_t at = trees->root[tree];

	while (at >= 0)
		at = trees->children[at]
				    [trees_decide(trees, (uint32_t)at, row[trees->feature[at]])];
	return (uint32_t)~at;
}

// leaves: [n][n_trees] that n rows reach. Moves those rows to the front, one after the other, that
// reach the most leaves which none before reaches.
static void rows_cover(const struct trees *trees, struct golden_rows *golden, uint32_t *leaves,
	bool *reached, float *swap)
{
	const size_t k = trees->n_features, n_trees = trees->n_trees;

	for (uint32_t to = 0; to < golden->count; to++) {
		uint32_t best = to, most = 0;

		for (uint32_t r = to; r < golden->count; r++) {
			uint32_t fresh = 0;

			for (size_t t = 0; t < n_trees; t++)
				fresh += !reached[leaves[r * n_trees + t]];
			if (fresh > most) {
				most = fresh;
				best = r;
			}
		}
		if (most == 0)
			return;
		for (size_t t = 0; t < n_trees; t++) {
			const uint32_t leaf = leaves[best * n_trees + t];

			reached[leaf] = true;
			leaves[best * n_trees + t] = leaves[to * n_trees + t];
		}
		memcpy(swap, golden->rows + to * k, k * sizeof(float));
		memcpy(golden->rows + to * k, golden->rows + best * k, k * sizeof(float));
		memcpy(golden->rows + best * k, swap, k * sizeof(float));
	}
}

static int rows_draw_for_trees(
	const struct trees *trees, struct golden_rows *golden, struct error *err)
{
	const size_t k = trees->n_features, n_trees = trees->n_trees;
	const uint64_t work = (uint64_t)n_trees * golden->count * golden->count / 2;
	uint32_t *leaves;
	bool *reached;
	float *swap;
	int rc = 0;

	if (trees_draw_rows(trees, golden->count_max, golden->rows) != 0)
		return error_set(err, -ENOMEM, "out of memory for golden rows");
	golden->has_odd = false;
	if (work > COVER_WORK)
		return 0;
	leaves = calloc(golden->count * n_trees + 1, sizeof(*leaves));
	reached = calloc(trees->n_leaves + 1ull, sizeof(*reached));
	swap = malloc(k * sizeof(*swap) + 1);
	if (leaves && reached && swap) {
		for (size_t r = 0; r < golden->count; r++) {
			for (uint32_t t = 0; t < n_trees; t++)
				leaves[r * n_trees + t] = rows_leaf(trees, t, golden->rows + r * k);
		}
		rows_cover(trees, golden, leaves, reached, swap);
	} else {
		rc = error_set(err, -ENOMEM, "out of memory for golden rows");
	}
	free(leaves);
	free(reached);
	free(swap);
	return rc;
}

int golden_rows_draw(
	const struct graph *graph, struct golden_rows *golden, uint32_t wanted, struct error *err)
{
	struct trees trees;
	int rc = 0;

	rows_draw_all(graph, golden, wanted);
	if (rows_find_trees(graph, &trees))
		rc = rows_draw_for_trees(&trees, golden, err);
	rows_draw_texts(graph, golden);
	return rc;
}

// --- Halfway -------------------------------------------------------------------------------------

// Rows on the line between two ends each.
struct halves {
	const struct model *model;
	uint32_t n;             // rows
	float *ends[2], *rows;  // [n][n_features]
	float *scores[2], *mid; // [n][n_outputs] of the ends and of rows
	float *from, *to;       // [n] between which a row is
	uint32_t *score;        // [n] the score that differs most between the ends
	bool *is_done;          // [n]
	void *scratch;
};

static bool halves_init(struct halves *halves, const struct model *model, uint32_t n)
{
	const size_t in = model_info(model)->n_features, out = model_info(model)->n_outputs;

	halves->model = model;
	halves->n = n;
	for (int e = 0; e < 2; e++) {
		halves->ends[e] = calloc(n * in, sizeof(float));
		halves->scores[e] = calloc(n * out, sizeof(float));
	}
	halves->rows = calloc(n * in, sizeof(float));
	halves->mid = calloc(n * out, sizeof(float));
	halves->from = calloc(n, sizeof(float));
	halves->to = calloc(n, sizeof(float));
	halves->score = calloc(n, sizeof(*halves->score));
	halves->is_done = calloc(n, sizeof(*halves->is_done));
	halves->scratch = aligned_alloc(64, align_up(model_scratch_bytes(model, n), 64));
	return halves->ends[0] && halves->ends[1] && halves->scores[0] && halves->scores[1] &&
		halves->rows && halves->mid && halves->from && halves->to && halves->score &&
		halves->is_done && halves->scratch;
}

static void halves_fini(struct halves *halves)
{
	for (int e = 0; e < 2; e++) {
		free(halves->ends[e]);
		free(halves->scores[e]);
	}
	free(halves->rows);
	free(halves->mid);
	free(halves->from);
	free(halves->to);
	free(halves->score);
	free(halves->is_done);
	free(halves->scratch);
}

static void halves_begin(struct halves *halves)
{
	static const float MAGNITUDE[] = { 1.0f, 100.0f };
	const size_t in = model_info(halves->model)->n_features,
		     out = model_info(halves->model)->n_outputs;
	uint64_t state = SEED + 1;

	for (int e = 0; e < 2; e++) {
		for (size_t i = 0; i < halves->n * in; i++)
			halves->ends[e][i] = rows_draw(&state) * MAGNITUDE[i / in % 2];
		model_score(halves->model, halves->ends[e], halves->scores[e], halves->n,
			halves->scratch, halves->n);
	}
	for (uint32_t r = 0; r < halves->n; r++) {
		const float *a = halves->scores[0] + r * out, *b = halves->scores[1] + r * out;
		uint32_t most = 0;

		for (uint32_t c = 1; c < out; c++) {
			if (fabsf(a[c] - b[c]) > fabsf(a[most] - b[most]))
				most = c;
		}
		halves->score[r] = most;
		halves->to[r] = 1;
	}
}

static void halves_step(struct halves *halves)
{
	const size_t in = model_info(halves->model)->n_features,
		     out = model_info(halves->model)->n_outputs;

	for (size_t i = 0; i < halves->n * in; i++) {
		const float at = (halves->from[i / in] + halves->to[i / in]) / 2;

		if (!halves->is_done[i / in])
			halves->rows[i] = halves->ends[0][i] * (1 - at) + halves->ends[1][i] * at;
	}
	model_score(
		halves->model, halves->rows, halves->mid, halves->n, halves->scratch, halves->n);
	for (uint32_t r = 0; r < halves->n; r++) {
		const size_t c = r * out + halves->score[r];
		const float a = halves->scores[0][c], b = halves->scores[1][c];
		const float apart = HALVE_NEAR * fabsf(a - b), mid = halves->mid[c];

		if (halves->is_done[r] || !(apart > 0 && isfinite(apart)))
			continue;
		if (fabsf(mid - a) < apart)
			halves->from[r] = (halves->from[r] + halves->to[r]) / 2;
		else if (fabsf(mid - b) < apart)
			halves->to[r] = (halves->from[r] + halves->to[r]) / 2;
		else
			halves->is_done[r] = true;
	}
}

int golden_rows_halve(const struct graph *graph, const struct model *model,
	struct golden_rows *golden, struct error *err)
{
	const uint64_t macs = model_info(model)->macs_per_row + 1;
	struct halves halves = { 0 };
	uint64_t n = HALVE_WORK / macs / HALVE_STEPS;
	struct trees trees;

	n = n < golden->count / HALVE_EACH ? n : golden->count / HALVE_EACH;
	n = n < HALVE_ROWS ? n : HALVE_ROWS;
	if (n == 0 || graph->n_texts > 0 || rows_find_trees(graph, &trees))
		return 0;
	if (!halves_init(&halves, model, (uint32_t)n)) {
		halves_fini(&halves);
		return error_set(err, -ENOMEM, "out of memory for golden rows");
	}
	halves_begin(&halves);
	for (uint32_t step = 0; step < HALVE_STEPS; step++)
		halves_step(&halves);
	for (uint32_t r = 0; r < halves.n; r++) {
		const size_t in = graph->n_features;

		if (halves.is_done[r])
			memcpy(golden->rows + (r * HALVE_EACH + HALVE_EACH / 2 + 1) * in,
				halves.rows + r * in, in * sizeof(float));
	}
	halves_fini(&halves);
	return 0;
}
