// SPDX-License-Identifier: BSD-3-Clause
// Distances of rows from constant rows.
#include "infer/ops/plain.h"
#include "infer/ops/rule.h"

#include <math.h>

int shape_distance(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *y = shape_input(in, 1);

	if (shape_need_f32(in) != 0 || shape_need_constant(in, 1) != 0 ||
		shape_need_int(in, ATTR_MODE, DISTANCE_SQUARES, 0, DISTANCE_COUNT - 1) != 0)
		return -EINVAL;
	if (x->rank != 2 || y->rank != 2 || x->dims[1] != y->dims[1])
		return shape_refuse_pair(in, 0, 1, "should be [M, C] and [K, C]");
	shape_copy(out, x);
	out->dims[1] = y->dims[0];
	return 0;
}

// Four sums at a time: one would wait for each addition before the next.
static float distance_squares(const float *x, const float *y, int64_t n)
{
	double sums[4] = { 0 };
	int64_t c = 0;

	for (; c + 4 <= n; c += 4) {
		for (int64_t i = 0; i < 4; i++) {
			const double apart = (double)x[c + i] - (double)y[c + i];

			sums[i] += apart * apart;
		}
	}
	for (; c < n; c++)
		sums[0] += ((double)x[c] - (double)y[c]) * ((double)x[c] - (double)y[c]);
	return (float)((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

// In double: the difference of two floats is exact there, or nearly so.
static float distance_of(
	enum distance kind, double power, const float *x, const float *y, int64_t n)
{
	double sum = 0;

	switch (kind) {
	case DISTANCE_ABSOLUTE:
		for (int64_t c = 0; c < n; c++)
			sum += fabs((double)x[c] - (double)y[c]);
		break;
	case DISTANCE_POWERS:
		for (int64_t c = 0; c < n; c++)
			sum += pow(fabs((double)x[c] - (double)y[c]), power);
		break;
	case DISTANCE_LARGEST: // NaN stays
		for (int64_t c = 0; c < n; c++) {
			const double apart = fabs((double)x[c] - (double)y[c]);

			sum = apart > sum || isnan(apart) ? apart : sum;
		}
		break;
	default:
		return distance_squares(x, y, n);
	}
	return (float)sum;
}

static void distance_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const enum distance kind =
		(enum distance)node_int(plain->node, ATTR_MODE, DISTANCE_SQUARES);
	const double power = (double)node_float(plain->node, ATTR_ALPHA, 1);
	const int64_t columns = plain->in[0].dims[1], n = plain->in[1].dims[0];
	const float *row = x[0];
	float *made = y[0];

	(void)scratch;
	for (int64_t m = 0; m < plain->in[0].dims[0]; m++, row += columns, made += n) {
		for (int64_t k = 0; k < n; k++)
			made[k] = distance_of(
				kind, power, row, (const float *)x[1] + k * columns, columns);
	}
}

static uint64_t distance_work(const struct plain *plain)
{
	const bool powers = node_int(plain->node, ATTR_MODE, DISTANCE_SQUARES) == DISTANCE_POWERS;

	return (uint64_t)plain->in[0].dims[0] * (uint64_t)tensor_elements(&plain->in[1]) *
		(powers ? 16 : 1);
}

const struct plain_op plain_distance = { .run = distance_plain, .work = distance_work };
