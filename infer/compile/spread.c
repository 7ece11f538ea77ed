// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/spread.h"

#include <math.h>
#include <stdlib.h>

#define SPREAD_FLOOR 5e-7 // of a score: no result is closer than that

double spread_gain(uint32_t lane)
{
	return (lane - 1) / 2 % 2 ? SPREAD_GAIN_STEP : SPREAD_GAIN;
}

// The mean square that a score of row `row` is off over its evaluations: over those with small errors,
// or those with big ones, whichever is more. `values`: [count][elements].
static double spread_variance(
	const struct evaluations *evaluations, const float *values, uint32_t row, size_t elements)
{
	const float *at = values + (size_t)row * evaluations->lanes * elements;
	double sum[2] = { 0, 0 };
	uint32_t count[2] = { 0, 0 };

	for (uint32_t l = 1; l < evaluations->lanes; l++) {
		const double gain = spread_gain(l);
		const double apart = ((double)at[l * elements] - (double)at[0]) / gain;
		const int of = gain == SPREAD_GAIN_STEP;

		sum[of] += apart * apart;
		count[of]++;
	}
	return fmax(sum[0] / count[0], sum[1] / count[1]);
}

// The spread of a score over its evaluations. From few of them it is known badly, and one may be
// close to 0 by chance: what scores of that size are off in other rows counts the more, the fewer there
// are.
static double spread_of(const struct evaluations *evaluations, double own, double of_others)
{
	const uint32_t pairs = (evaluations->lanes - 1) / 2;
	const double weight = 4.0 / pairs;
	const double variance = (pairs * own + weight * of_others) / (pairs + weight);

	return sqrt(variance) * (4.0 + 24.0 / pairs);
}

static int spread_compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

// The variance of a score of size 1 in the other rows: the median, since rows may be of very different
// magnitudes.
static double spread_typical(const struct evaluations *evaluations, const double *variance,
	const float *outputs, size_t column, double *relative)
{
	const size_t n_columns = evaluations->graph->n_columns_out;
	uint32_t n = 0;

	for (uint32_t r = 0; r < evaluations->n_rows; r++) {
		const double score = (double)outputs[r * n_columns + column];

		if (score != 0 && isfinite(variance[r]) && !evaluations->otherwise[r])
			relative[n++] = variance[r] / (score * score);
	}
	qsort(relative, n, sizeof(*relative), spread_compare);
	return n > 0 ? relative[n / 2] : 0;
}

// The mean variance of a score in the rows.
static double spread_mean(const struct evaluations *evaluations, const double *variance)
{
	double sum = 0;
	uint32_t n = 0;

	for (uint32_t r = 0; r < evaluations->n_rows; r++) {
		if (isfinite(variance[r]) && !evaluations->otherwise[r]) {
			sum += variance[r];
			n++;
		}
	}
	return n > 0 ? sum / n : 0;
}

static double spread_largest(
	const struct evaluations *evaluations, const float *outputs, size_t column)
{
	double largest = 0;

	for (uint32_t r = 0; r < evaluations->n_rows; r++)
		largest = fmax(largest,
			fabs((double)outputs[r * evaluations->graph->n_columns_out + column]));
	return largest;
}

// Column `column` of the scores, the element `values` points to of its tensor. NULL: a constant.
// scratch: [2][n_rows].
static void spread_collect_column(const struct evaluations *evaluations, const float *values,
	size_t elements, size_t column, const float *outputs, float *tolerance, double *scratch)
{
	const size_t n_columns = evaluations->graph->n_columns_out;
	double *variance = scratch;
	double typical, mean, largest;

	for (uint32_t r = 0; r < evaluations->n_rows; r++)
		variance[r] = values ? spread_variance(evaluations, values, r, elements) : 0;
	typical = spread_typical(
		evaluations, variance, outputs, column, scratch + evaluations->n_rows);
	mean = spread_mean(evaluations, variance);
	largest = spread_largest(evaluations, outputs, column);
	for (uint32_t r = 0; r < evaluations->n_rows; r++) {
		const double score = fabs((double)outputs[r * n_columns + column]);
		const double others = evaluations->hides ? mean : typical * score * score;

		tolerance[r * n_columns + column] = (float)(SPREAD_LEAST +
			(evaluations->hides ? largest : score) * SPREAD_FLOOR +
			spread_of(evaluations, variance[r], others));
	}
}

int spread_collect(const struct evaluations *evaluations, const float *outputs, float *tolerance,
	struct error *err)
{
	const struct graph *graph = evaluations->graph;
	double *scratch = calloc(2 * (size_t)evaluations->n_rows, sizeof(*scratch));

	if (!scratch)
		return error_set(err, -ENOMEM, "out of memory");

	for (uint32_t p = 0; p < graph->n_outputs; p++) {
		const uint32_t t = graph->outputs[p].tensor;
		const size_t elements = (size_t)tensor_elements(&graph->tensors[t]);
		const float *values = evaluations->values[t];

		for (size_t e = 0; e < elements; e++)
			spread_collect_column(evaluations, values ? values + e : NULL, elements,
				graph->outputs[p].first_column + e, outputs, tolerance, scratch);
	}
	free(scratch);
	return 0;
}
