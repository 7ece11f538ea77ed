// SPDX-License-Identifier: BSD-3-Clause
// Golden rows and timing of a whole model.
#include "base/align.h"
#include "infer/infer.h"
#include "infer/model_internal.h"
#include "infer/plan/step.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_WORK ((uint64_t)1 << 31) // multiply-adds of a batch of golden rows

// Of one column of the scores: the sum of the squares of how far they are apart, in tolerances.
struct apart {
	double squares;
	uint64_t count;
};

// Memory to score with: scratch, and rows and outputs of one batch.
struct workspace {
	void *scratch;
	float *rows, *outputs;
	struct apart *apart; // [n_outputs]
};

static void workspace_fini(struct workspace *work)
{
	free(work->scratch);
	free(work->rows);
	free(work->outputs);
	free(work->apart);
}

static int workspace_init(struct workspace *work, const struct model *model, struct error *err)
{
	size_t bytes = align_up(model_scratch_bytes(model, MODEL_BATCH_MAX), 64);

	work->scratch = aligned_alloc(64, bytes);
	work->rows = calloc(MODEL_BATCH_MAX, model->info.n_features * sizeof(float));
	work->outputs = calloc(MODEL_BATCH_MAX, model->info.n_outputs * sizeof(float));
	work->apart = calloc(model->info.n_outputs, sizeof(*work->apart));
	if (work->scratch && work->rows && work->outputs && work->apart)
		return 0;
	workspace_fini(work);
	return error_set(err, -ENOMEM, "no memory to score");
}

// Does a row of scores agree with a golden one? If not, err says where, unless it says so already.
static bool row_agrees(const struct model_info *info, const float *scores, uint32_t row,
	uint32_t batch, struct error *err)
{
	for (uint32_t c = 0; c < info->n_outputs; c++) {
		const size_t at = (size_t)row * info->n_outputs + c;
		const float expected = info->golden_outputs[at];
		const float *tolerance =
			info->golden_tolerance ? &info->golden_tolerance[at] : NULL;

		if (model_score_agrees(scores[c], expected, tolerance))
			continue;
		if (err && !err->text[0])
			error_set(err, -EINVAL,
				"golden row %" PRIu32 " column %" PRIu32
				" is %.9g in a batch of %" PRIu32 ", should be %.9g within %.3g",
				row, c, (double)scores[c], batch, (double)expected,
				tolerance ? (double)*tolerance
					  : 1e-5 * fmax(1.0, fabs((double)expected)));
		return false;
	}
	return true;
}

static void apart_add(
	struct apart *apart, const struct model_info *info, const float *scores, uint32_t row)
{
	const size_t first = (size_t)row * info->n_outputs;

	for (uint32_t c = 0; c < info->n_outputs; c++) {
		const double tolerance = (double)info->golden_tolerance[first + c];
		const double share =
			((double)scores[c] - (double)info->golden_outputs[first + c]) / tolerance;

		if (!isfinite(tolerance) || !isfinite(share))
			continue;
		apart[c].squares += share * share;
		apart[c].count++;
	}
}

// Are the scores of each column near enough in the mean? apart: [n_outputs].
static int check_apart(
	const struct model_info *info, const struct apart *apart, uint32_t batch, struct error *err)
{
	const double most = (double)info->golden_mean;

	for (uint32_t c = 0; c < info->n_outputs; c++) {
		const double mean =
			apart[c].count > 0 ? sqrt(apart[c].squares / (double)apart[c].count) : 0;

		if (mean > most)
			return error_set(err, -EINVAL,
				"golden rows column %" PRIu32 " in a batch of %" PRIu32
				" is apart from what it should be by %.2g of the tolerances in the "
				"mean, at most %.2g is rounding",
				c, batch, mean, most);
	}
	return 0;
}

// A batch of `batch` rows, the golden ones in turn. Returns how many disagree.
static uint32_t check_batch(const struct model *model, struct workspace *work, uint32_t first,
	uint32_t batch, struct error *err)
{
	const struct model_info *info = &model->info;
	uint32_t wrong = 0;

	for (uint32_t r = 0; r < batch; r++)
		memcpy(work->rows + (size_t)r * info->n_features,
			info->golden_rows +
				(size_t)((first + r) % info->n_golden) * info->n_features,
			info->n_features * sizeof(float));
	model_score(model, work->rows, work->outputs, batch, work->scratch, MODEL_BATCH_MAX);
	for (uint32_t r = 0; r < batch; r++) {
		const float *scores = work->outputs + (size_t)r * info->n_outputs;

		wrong += !row_agrees(info, scores, (first + r) % info->n_golden, batch, err);
		if (info->golden_tolerance && info->golden_mean > 0)
			apart_add(work->apart, info, scores, (first + r) % info->n_golden);
	}
	return wrong;
}

// How many rows a batch of a class has here: all that its name says, or of a big model the least that
// are of the class; 0 where these are too many, and its kernels have been checked with the class before.
static uint32_t check_rows(const struct model *model, uint32_t batch_class)
{
	const struct plan *plan = &model->plan;
	uint32_t rows = MODEL_BATCH_CLASS[batch_class];

	if (batch_class == 0 || (plan->macs + 1) * rows <= CHECK_WORK)
		return rows;
	while (batch_class_of(rows - 1) == batch_class)
		rows--;
	for (uint32_t s = 0; s < plan->n_steps; s++) {
		if (plan->steps[s].kernel[batch_class] != plan->steps[s].kernel[batch_class - 1])
			return rows;
	}
	return (plan->macs + 1) * rows <= CHECK_WORK ? rows : 0;
}

int model_check_golden(const struct model *model, struct error *err)
{
	struct workspace work = { 0 };
	const uint32_t n_golden = model->info.n_golden;
	int rc = 0;

	if (n_golden == 0)
		return 0;
	rc = workspace_init(&work, model, err);
	if (rc != 0)
		return rc;
	if (err)
		err->text[0] = '\0';
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES && rc == 0; c++) {
		const uint32_t batch = check_rows(model, c);
		uint32_t wrong = 0, scored = 0;

		memset(work.apart, 0, model->info.n_outputs * sizeof(*work.apart));
		for (uint32_t first = 0; first < n_golden && batch > 0;
			first += batch, scored += batch)
			wrong += check_batch(model, &work, first, batch, err);
		if (wrong > (model->rounds ? scored / 2 : 0))
			rc = -EINVAL;
		else if (!model->rounds)
			rc = check_apart(&model->info, work.apart, batch, err);
	}
	workspace_fini(&work);
	return rc;
}

// --- Bench ---------------------------------------------------------------------------------------

#define BENCH_PASSES  31
#define BENCH_PASS_NS 1e6 // a pass goes over the rows until it has taken about this long

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

// ns for one row, over `batches` batches of different rows.
static double bench_pass(const struct model *model, struct workspace *work, const float *rows,
	uint32_t n_rows, uint32_t batch, uint32_t batches)
{
	uint32_t at = 0;
	double start = plan_now_ns();

	for (uint32_t b = 0; b < batches; b++) {
		model_score(model, rows + (size_t)at * model->info.n_features, work->outputs, batch,
			work->scratch, MODEL_BATCH_MAX);
		at += batch;
		if (at + batch > n_rows)
			at = 0;
	}
	return (plan_now_ns() - start) / ((double)batches * batch);
}

int model_bench(const struct model *model, const float *rows, uint32_t n_rows,
	struct bench_result results[MODEL_BATCH_CLASSES], struct error *err)
{
	struct workspace work = { 0 };
	int rc;

	if (n_rows < MODEL_BATCH_MAX)
		return error_set(err, -EINVAL,
			"%" PRIu32 " rows to time with, should be at least %d", n_rows,
			MODEL_BATCH_MAX);
	rc = workspace_init(&work, model, err);
	if (rc != 0)
		return rc;
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++) {
		uint32_t batch = MODEL_BATCH_CLASS[c], batches;
		double ns[BENCH_PASSES];

		ns[0] = bench_pass(model, &work, rows, n_rows, batch, n_rows / batch);
		batches = (uint32_t)fmin(1e6, BENCH_PASS_NS / (ns[0] * batch)) + 1;
		for (int p = 0; p < BENCH_PASSES; p++)
			ns[p] = bench_pass(model, &work, rows, n_rows, batch, batches);
		qsort(ns, BENCH_PASSES, sizeof(*ns), compare_doubles);
		results[c] = (struct bench_result){ batch, ns[BENCH_PASSES / 2], ns[0] };
	}
	workspace_fini(&work);
	return 0;
}
