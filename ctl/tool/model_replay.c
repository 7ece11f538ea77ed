// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_replay.h"

#include "base/align.h"
#include "base/clock.h"
#include "base/interval.h"
#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/model_rows.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ALPHA 0.05 // of the interval, as canary.alpha is by itself

struct replay {
	const char *rows, *with, *against;
	struct rows_options how;
	double threshold, tolerance;
	uint32_t shown;
};

struct replay_side {
	struct model *model;
	float *scores; // [n_rows][n_outputs]
	double ns_per_row;
};

struct replay_row {
	size_t row;
	double difference; // the largest of its scores
	bool differs;
};

struct replay_result {
	struct replay_row *rows; // [n], those that differ and are furthest apart first
	size_t n, n_differ, n_not_finite;
	double mean, largest;  // of the rows with finite scores
	struct interval share; // that differs
};

// Scores beside scores where they are no classes', as far apart as counts: a share of the column's spread.
static double replay_allowed(
	const struct replay_side *side, size_t n_rows, uint32_t column, double tolerance)
{
	const uint32_t n = model_info(side->model)->n_outputs;
	double least = INFINITY, most = -INFINITY;

	for (size_t r = 0; r < n_rows; r++) {
		least = fmin(least, (double)side->scores[r * n + column]);
		most = fmax(most, (double)side->scores[r * n + column]);
	}
	return tolerance * (most > least && isfinite(most - least) ? most - least : 1);
}

static uint32_t replay_largest(const float *scores, uint32_t n)
{
	uint32_t best = 0;

	for (uint32_t c = 1; c < n; c++)
		if (scores[c] > scores[best])
			best = c;
	return best;
}

// By the labels of the first model: the largest score decides, or the side of the threshold, or else how
// far apart any score is.
static bool replay_differs(const struct replay *replay, const struct model_info *info,
	const double *allowed, const float *a, const float *b)
{
	if (info->n_class_labels >= 2 && info->n_outputs >= 2)
		return replay_largest(a, info->n_outputs) != replay_largest(b, info->n_outputs);
	if (info->n_class_labels == 2)
		return ((double)a[0] >= replay->threshold) != ((double)b[0] >= replay->threshold);
	for (uint32_t c = 0; c < info->n_outputs; c++)
		if (!(fabs((double)a[c] - (double)b[c]) <= allowed[c]) &&
			!(isnan(a[c]) && isnan(b[c])))
			return true;
	return false;
}

static int replay_order(const void *a, const void *b)
{
	const struct replay_row *x = a, *y = b;

	if (x->differs != y->differs)
		return x->differs ? -1 : 1;
	if (x->difference != y->difference)
		return x->difference > y->difference ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

static int replay_score(struct replay_side *side, const struct rows *rows, struct error *err)
{
	const struct model_info *info = model_info(side->model);
	void *scratch =
		aligned_alloc(64, align_up(model_scratch_bytes(side->model, MODEL_BATCH_MAX), 64));
	uint64_t begin;

	side->scores = calloc(rows->n_rows * info->n_outputs + 1, sizeof(float));
	if (!scratch || !side->scores) {
		free(scratch);
		return error_set(err, -ENOMEM, "out of memory for %zu rows", rows->n_rows);
	}
	// Once before the clock runs: pages and caches are as they are in service then.
	memset(side->scores, 1, rows->n_rows * info->n_outputs * sizeof(float));
	model_score(side->model, rows->values, side->scores,
		(uint32_t)(rows->n_rows < MODEL_BATCH_MAX ? rows->n_rows : MODEL_BATCH_MAX),
		scratch, MODEL_BATCH_MAX);
	begin = clock_ns();
	for (size_t r = 0; r < rows->n_rows; r += MODEL_BATCH_MAX) {
		const size_t left = rows->n_rows - r;

		model_score(side->model, rows->values + r * info->n_features,
			side->scores + r * info->n_outputs,
			(uint32_t)(left < MODEL_BATCH_MAX ? left : MODEL_BATCH_MAX), scratch,
			MODEL_BATCH_MAX);
	}
	side->ns_per_row = (double)(clock_ns() - begin) / (double)rows->n_rows;
	free(scratch);
	return 0;
}

static int replay_compare(const struct replay *replay, const struct replay_side sides[2],
	size_t n_rows, struct replay_result *result, struct error *err)
{
	const struct model_info *info = model_info(sides[0].model);
	const uint32_t n = info->n_outputs;
	double *allowed = calloc(n, sizeof(*allowed)), sum = 0;

	result->n = n_rows;
	result->rows = calloc(n_rows, sizeof(*result->rows));
	if (!allowed || !result->rows) {
		free(allowed);
		return error_set(err, -ENOMEM, "out of memory for %zu rows", n_rows);
	}
	for (uint32_t c = 0; c < n; c++)
		allowed[c] = replay_allowed(&sides[0], n_rows, c, replay->tolerance);
	for (size_t r = 0; r < n_rows; r++) {
		const float *a = sides[0].scores + r * n, *b = sides[1].scores + r * n;
		struct replay_row *row = &result->rows[r];
		bool finite = true;

		row->row = r;
		row->differs = replay_differs(replay, info, allowed, a, b);
		for (uint32_t c = 0; c < n; c++) {
			finite = finite && isfinite(a[c]) && isfinite(b[c]);
			row->difference = fmax(row->difference, fabs((double)a[c] - (double)b[c]));
		}
		result->n_differ += row->differs;
		result->n_not_finite += !finite;
		sum += finite ? row->difference : 0;
		result->largest = finite ? fmax(result->largest, row->difference) : result->largest;
	}
	if (n_rows > result->n_not_finite)
		result->mean = sum / (double)(n_rows - result->n_not_finite);
	result->share = interval_share(result->n_differ, n_rows, ALPHA);
	qsort(result->rows, n_rows, sizeof(*result->rows), replay_order);
	free(allowed);
	return 0;
}

static int replay_print_json(const struct replay *replay, const struct replay_side sides[2],
	const struct replay_result *result)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < result->n && i < replay->shown && result->rows[i].differs; i++)
		json_array_append_new(rows,
			json_pack("{s:I, s:f}", "row", (json_int_t)result->rows[i].row + 1,
				"difference",
				isfinite(result->rows[i].difference) ? result->rows[i].difference
								     : 0.0));
	return tool_print_json(json_pack(
		"{s:o, s:o, s:I, s:I, s:f, s:[f, f], s:f, s:f, s:I, s:[f, f], s:o}", "with",
		image_string(replay->with), "against", image_string(replay->against), "rows",
		(json_int_t)result->n, "differ", (json_int_t)result->n_differ, "share",
		(double)result->n_differ / (double)result->n, "interval", result->share.low,
		result->share.high, "mean_difference", result->mean, "largest_difference",
		result->largest, "not_finite", (json_int_t)result->n_not_finite, "ns_per_row",
		sides[0].ns_per_row, sides[1].ns_per_row, "differing", rows));
}

static int replay_print(const struct replay *replay, const struct replay_side sides[2],
	const struct replay_result *result)
{
	const uint32_t n = model_info(sides[0].model)->n_outputs;
	struct table table;

	printf("%s rows: %s decided differently, %.3f %% (95 %% interval %.3f to %.3f %%)\n",
		format_count(result->n).s, format_count(result->n_differ).s,
		100.0 * (double)result->n_differ / (double)result->n, 100 * result->share.low,
		100 * result->share.high);
	printf("scores are apart by %.6g in the mean, %.6g at most; rows with one that is not "
	       "finite: %s\n",
		result->mean, result->largest, format_count(result->n_not_finite).s);
	printf("a row takes %s by %s, %s by %s\n", format_ns(sides[0].ns_per_row).s, replay->with,
		format_ns(sides[1].ns_per_row).s, replay->against);
	if (!result->n_differ || !replay->shown)
		return TOOL_DONE;
	TABLE_INIT(&table, ">ROW", ">APART", ">WITH", ">AGAINST");
	for (size_t i = 0; i < result->n && i < replay->shown && result->rows[i].differs; i++) {
		const size_t row = result->rows[i].row;
		const uint32_t a = replay_largest(sides[0].scores + row * n, n),
			       b = replay_largest(sides[1].scores + row * n, n);

		table_add(&table, "%zu", row + 1);
		table_add(&table, "%.6g", result->rows[i].difference);
		table_add(&table, "%s %.6g", model_info(sides[0].model)->output_names[a],
			(double)sides[0].scores[row * n + a]);
		table_add(&table, "%s %.6g", model_info(sides[1].model)->output_names[b],
			(double)sides[1].scores[row * n + b]);
	}
	table_print(&table, stdout, 0);
	return TOOL_DONE;
}

static int replay_rows(const struct replay *replay, struct replay_side sides[2])
{
	const struct model_info *a = model_info(sides[0].model), *b = model_info(sides[1].model);
	struct replay_result result = { 0 };
	struct rows rows = { 0 };
	struct error err;
	int exit, rc = 0;

	if (a->n_features != b->n_features || a->n_outputs != b->n_outputs)
		return tool_refuse(
			"%s has %u features and %u outputs, %s %u and %u: only models "
			"of as many are compared",
			replay->with, a->n_features, a->n_outputs, replay->against, b->n_features,
			b->n_outputs);
	rc = model_rows_read(a, replay->rows, &replay->how, &rows, &err);
	if (rc == 0)
		rc = model_check_rows(b, replay->rows, rows.values, rows.n_rows, &err);
	if (rc == 0 && rows.n_rows == 0)
		rc = error_set(&err, -EINVAL, "%s: no rows", replay->rows);
	for (int i = 0; i < 2 && rc == 0; i++)
		rc = replay_score(&sides[i], &rows, &err);
	if (rc == 0)
		rc = replay_compare(replay, sides, rows.n_rows, &result, &err);
	exit = rc != 0 ? tool_refuse("%s", err.text)
		       : (tool.json ? replay_print_json : replay_print)(replay, sides, &result);
	free(result.rows);
	rows_fini(&rows);
	return exit;
}

static const struct option_entry REPLAY[] = {
	{ NULL, 0, "ROWS", "the rows to score: .csv, .npy or .f32; - is standard input",
		OPTION_TO_TEXT(struct replay, rows), .required = true },
	{ "with", 0, "IMAGE", "the image that decides now", OPTION_TO_TEXT(struct replay, with),
		.required = true },
	{ "against", 0, "IMAGE", "the image that it is compared with",
		OPTION_TO_TEXT(struct replay, against), .required = true },
	{ "threshold", 0, "T", "where the one score of a model of two classes decides (0.5)",
		OPTION_TO_DOUBLE(struct replay, threshold, -1e30, 1e30) },
	{ "tolerance", 0, "S",
		"of scores that are no classes': a share of their spread that is no difference "
		"(0.01)",
		OPTION_TO_DOUBLE(struct replay, tolerance, 0, 1e6) },
	{ "show", 0, "N", "rows that differ to show, the furthest apart first (10)",
		OPTION_TO_U32(struct replay, shown, 0, 1000000) },
	ROWS_OPTIONS(struct replay, how),
	{ 0 },
};

static int replay_run(const struct command *command, char **argv)
{
	static const struct model_options options = { .no_timing = false };
	struct replay replay = { .threshold = 0.5, .tolerance = 0.01, .shown = 10 };
	struct replay_side sides[2] = { 0 };
	int exit;

	if (!command_parse(command, argv, &replay, &exit))
		return exit;
	sides[0].model = image_load(replay.with, &options);
	sides[1].model = sides[0].model ? image_load(replay.against, &options) : NULL;
	exit = sides[1].model ? replay_rows(&replay, sides) : TOOL_REFUSED;
	for (int i = 0; i < 2; i++) {
		free(sides[i].scores);
		model_close(sides[i].model);
	}
	return exit;
}

const struct command model_replay_command = {
	.words = "model replay",
	.summary = "score the same rows with two images, and say where they decide differently",
	.entries = REPLAY,
	.run = replay_run,
};
