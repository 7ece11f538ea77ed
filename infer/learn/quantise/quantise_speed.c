// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/quantise/quantise_speed.h"

#include "infer/model_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPEED_ROWS   256 // that are timed over
#define SPEED_ROUNDS 3   // of both, in turns: the fastest counts
#define SPEED_WORTH  1.1 // what floats must gain in some class of batches, and lose in none

// The rows to calibrate by, over and over. NULL: no memory.
static float *speed_rows(const struct quantising *q)
{
	const size_t n = q->graph->n_features;
	float *rows = malloc(SPEED_ROWS * n * sizeof(*rows) + 1);

	for (size_t r = 0; rows && r < SPEED_ROWS; r++)
		memcpy(rows + r * n, q->calibration.values + r % q->calibration.n * n,
			n * sizeof(*rows));
	return rows;
}

// The least that a row takes by any round so far, for each class of batches.
static int speed_take(const struct model *model, const float *rows, double ns[MODEL_BATCH_CLASSES],
	struct error *err)
{
	struct bench_result results[MODEL_BATCH_CLASSES];
	int rc = model_bench(model, rows, SPEED_ROWS, results, err);

	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES && rc == 0; c++)
		ns[c] = fmin(ns[c], results[c].ns_per_row_min);
	return rc;
}

// Nanoseconds a row of two graphs.
static int speed_compare(const struct graph *const graphs[2], const float *rows,
	double ns[2][MODEL_BATCH_CLASSES], struct error *err)
{
	static const struct model_options OPTIONS;
	struct model *models[2] = { NULL, NULL };
	int rc = 0;

	for (uint32_t g = 0; g < 2; g++) {
		for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++)
			ns[g][c] = INFINITY;
		if (rc == 0)
			rc = model_build(graphs[g], 0, &OPTIONS, &models[g], err);
	}
	for (uint32_t round = 0; round < 2 * SPEED_ROUNDS && rc == 0; round++)
		rc = speed_take(models[round % 2], rows, ns[round % 2], err);
	model_close(models[0]);
	model_close(models[1]);
	return rc;
}

// One layer in float, if that is faster in every class of batches, and in one by what is worth it.
static int speed_try(struct quantising *q, uint32_t l, const float *rows)
{
	struct quantise_layer *layer = &q->layers.of[l];
	struct graph *bytes = q->quantised;
	const struct quantise_loss before = q->loss;
	double ns[2][MODEL_BATCH_CLASSES];
	bool faster = true, worth = false;
	int rc;

	q->quantised = NULL;
	layer->keep = true;
	rc = quantising_again(q);
	if (rc == 0)
		rc = speed_compare(
			(const struct graph *const[]){ bytes, q->quantised }, rows, ns, q->err);
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES && rc == 0; c++) {
		faster &= ns[0][c] > ns[1][c];
		worth |= ns[0][c] > SPEED_WORTH * ns[1][c];
	}
	graph_destroy(bytes);
	if (rc == 0 && faster && worth &&
		q->loss.bounded <= fmax(q->request->max_loss, before.bounded)) {
		snprintf(q->why[l], sizeof(*q->why),
			"slower in 8 bits: a row takes %.0f ns, with the layer in float %.0f",
			ns[0][0], ns[1][0]);
		return 0;
	}
	layer->keep = false;
	return rc != 0 ? rc : quantising_again(q);
}

int quantising_speed(struct quantising *q)
{
	uint32_t left = 0;
	float *rows;
	int rc = 0;

	for (uint32_t l = 0; l < q->layers.count; l++)
		left += !q->layers.of[l].why && !q->layers.of[l].keep;
	rows = speed_rows(q);
	if (!rows)
		return error_set(q->err, -ENOMEM, "out of memory for rows");
	for (uint32_t l = 0; l < q->layers.count && rc == 0 && left > 1; l++) {
		const struct quantise_layer *layer = &q->layers.of[l];
		const enum op op = q->graph->nodes[layer->node].op;

		if (layer->why || layer->keep || op == OP_DENSE || op == OP_CONV)
			continue;
		rc = speed_try(q, l, rows);
		left -= layer->keep;
	}
	free(rows);
	return rc;
}
