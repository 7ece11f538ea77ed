// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/replay.h"

#include "base/align.h"
#include "base/clock.h"
#include "base/decision.h"

#include <math.h>
#include <stdlib.h>

struct replay_side {
	struct model *model; // NULL: its scores were answered
	void *scratch;
	float *scores; // [REPLAY_PIECE][n_outputs]
	uint64_t ns, rows;
	bool is_warm;
};

struct replay {
	struct replay_options options;
	const struct model_info *info; // what decides: of live, or else of the other
	struct replay_side sides[REPLAY_SIDES];
	struct decision decision; // as of a canary in service
	float *allowed;           // [n_outputs], its
	uint64_t pieces;
	// A heap of result.rows, the nearest on top, until replay_finish() sorts them.
	struct replay_result result;
};

// --- The rows that differ ------------------------------------------------------------------------

// Whether `a` is to be shown before `b`. What is not a number is furthest away.
static bool replay_before(const struct replay_row *a, const struct replay_row *b)
{
	const double x = isnan(a->difference) ? INFINITY : a->difference,
		     y = isnan(b->difference) ? INFINITY : b->difference;

	return x != y ? x > y : a->row < b->row;
}

static int replay_order(const void *a, const void *b)
{
	return replay_before(a, b) ? -1 : 1;
}

static void replay_sift_down(struct replay_row *rows, uint32_t n)
{
	uint32_t at = 0;

	for (;;) {
		uint32_t child = 2 * at + 1;
		struct replay_row row = rows[at];

		if (child >= n)
			return;
		if (child + 1 < n && replay_before(&rows[child], &rows[child + 1]))
			child++;
		if (!replay_before(&row, &rows[child]))
			return;
		rows[at] = rows[child];
		rows[child] = row;
		at = child;
	}
}

static void replay_keep(struct replay *replay, const struct replay_row *row)
{
	struct replay_result *result = &replay->result;
	struct replay_row *rows = result->rows;
	uint32_t at = result->n_rows;

	if (at == replay->options.shown) {
		if (at > 0 && replay_before(row, &rows[0])) {
			rows[0] = *row;
			replay_sift_down(rows, at);
		}
		return;
	}
	rows[at] = *row;
	result->n_rows++;
	for (; at > 0 && replay_before(&rows[(at - 1) / 2], &rows[at]); at = (at - 1) / 2) {
		const struct replay_row parent = rows[(at - 1) / 2];

		rows[(at - 1) / 2] = rows[at];
		rows[at] = parent;
	}
}

// --- A piece -------------------------------------------------------------------------------------

static void replay_score(
	struct replay *replay, struct replay_side *side, const float *rows, uint32_t n)
{
	uint64_t begin;

	if (!side->is_warm) // pages and caches are as they are in service when the clock runs
		model_score(side->model, rows, side->scores, n, side->scratch, REPLAY_PIECE);
	side->is_warm = true;
	begin = clock_ns();
	model_score(side->model, rows, side->scores, n, side->scratch, REPLAY_PIECE);
	side->ns += clock_ns() - begin;
	side->rows += n;
}

static void replay_compare(struct replay *replay, const float *a, const float *b, uint64_t row,
	const struct replay_place *place)
{
	struct replay_result *result = &replay->result;
	const uint32_t n = replay->info->n_outputs;
	struct replay_row at = { .row = row };
	bool only_one;
	const bool finite = decision_distance(a, b, n, &at.difference, &only_one);

	result->n++;
	result->n_not_finite += !finite;
	if (finite) {
		result->n_measured++;
		result->sum += at.difference;
		result->sum_of_squares += at.difference * at.difference;
		result->largest = fmax(result->largest, at.difference);
	} else {
		at.difference = NAN;
	}
	if (finite ? !decision_differs(&replay->decision, a, b) : !only_one)
		return;
	result->n_differ++;
	at.output[REPLAY_LIVE] = decision_largest(a, n);
	at.output[REPLAY_OTHER] = decision_largest(b, n);
	at.score[REPLAY_LIVE] = a[at.output[REPLAY_LIVE]];
	at.score[REPLAY_OTHER] = b[at.output[REPLAY_OTHER]];
	if (place)
		at.place = *place;
	replay_keep(replay, &at);
}

void replay_add(struct replay *replay, const struct replay_piece *piece)
{
	const uint32_t n = replay->info->n_outputs;
	const float *live = piece->answered;

	// Each is first as often as second, with the colder cache.
	for (uint32_t i = 0; i < REPLAY_SIDES; i++) {
		const uint32_t s = (i + replay->pieces) % REPLAY_SIDES;

		if (replay->sides[s].model)
			replay_score(replay, &replay->sides[s], piece->rows[s], piece->n);
	}
	replay->pieces++;
	if (!live)
		live = replay->sides[REPLAY_LIVE].scores;
	for (uint32_t r = 0; r < piece->n; r++)
		replay_compare(replay, live + (size_t)r * n,
			replay->sides[REPLAY_OTHER].scores + (size_t)r * n, piece->first + r,
			piece->places ? &piece->places[r] : NULL);
}

// --- All of it -----------------------------------------------------------------------------------

static bool replay_side_init(struct replay_side *side, struct model *model)
{
	side->model = model;
	if (!model)
		return true;
	side->scratch = aligned_alloc(64, align_up(model_scratch_bytes(model, REPLAY_PIECE), 64));
	side->scores = malloc((size_t)REPLAY_PIECE * model_info(model)->n_outputs * sizeof(float));
	return side->scratch && side->scores;
}

int replay_create(struct model *live, struct model *other, const struct replay_options *options,
	struct replay **out, struct error *err)
{
	struct replay *replay = calloc(1, sizeof(*replay));

	if (!replay)
		return error_set(err, -ENOMEM, "out of memory");
	replay->options = *options;
	replay->info = model_info(live ? live : other);
	replay->allowed = malloc(replay->info->n_outputs * sizeof(*replay->allowed));
	replay->result.rows = calloc(options->shown + 1, sizeof(*replay->result.rows));
	if (!replay_side_init(&replay->sides[REPLAY_LIVE], live) ||
		!replay_side_init(&replay->sides[REPLAY_OTHER], other) || !replay->allowed ||
		!replay->result.rows) {
		replay_destroy(replay);
		return error_set(err, -ENOMEM, "out of memory");
	}
	decision_allow(replay->info->golden_outputs, replay->info->n_golden,
		replay->info->n_outputs, (float)options->tolerance, replay->allowed);
	replay->decision = (struct decision){ decision_rule_of(replay->info->n_class_labels,
						      replay->info->n_outputs),
		replay->info->n_outputs, (float)options->threshold, replay->allowed };
	*out = replay;
	return 0;
}

void replay_destroy(struct replay *replay)
{
	if (!replay)
		return;
	for (int s = 0; s < REPLAY_SIDES; s++) {
		free(replay->sides[s].scratch);
		free(replay->sides[s].scores);
	}
	free(replay->allowed);
	free(replay->result.rows);
	free(replay);
}

const struct replay_result *replay_finish(struct replay *replay)
{
	struct replay_result *result = &replay->result;

	for (int s = 0; s < REPLAY_SIDES; s++)
		if (replay->sides[s].rows)
			result->ns_per_row[s] =
				(double)replay->sides[s].ns / (double)replay->sides[s].rows;
	result->share = interval_share(result->n_differ, result->n, REPLAY_ALPHA);
	result->mean = interval_mean(
		result->n_measured, result->sum, result->sum_of_squares, REPLAY_ALPHA);
	qsort(result->rows, result->n_rows, sizeof(*result->rows), replay_order);
	return result;
}
