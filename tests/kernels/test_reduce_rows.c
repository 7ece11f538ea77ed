// SPDX-License-Identifier: BSD-3-Clause
// Reductions of rows against double, forbidden pages right behind x and y.
#include "infer/kernels/kernels.h"
#include "infer/kernels/reduce/reduce_rows.h"
#include "tests/kernels/harness.h"

#include <math.h>

static double reduced(enum reduction reduction, const float *x, uint32_t n)
{
	double sum = 0, largest = -INFINITY;

	for (uint32_t i = 0; i < n; i++) {
		sum += (double)x[i];
		largest = fmax(largest, (double)x[i]);
	}
	return reduction == REDUCTION_MAX ? largest : reduction == REDUCTION_SUM ? sum : sum / n;
}

static void as_in_double(void **state)
{
	const struct reduce_rows_kernel *kernel = *state;

	skip_where_absent(state);
	for (uint32_t trial = 0; trial < 900; trial++) {
		const enum reduction reduction = (enum reduction)(trial % REDUCTION_COUNT);
		const uint32_t m = random_below(4), n = 1 + trial / 3 % 150;
		struct guarded x = guarded_alloc((size_t)m * n * sizeof(float));
		struct guarded y = guarded_alloc(m * sizeof(float));

		random_fill(x.data, (size_t)m * n, -3.0f, trial % 2 ? 3.0f : -1.0f);
		kernel->run(reduction, m, n, x.data, y.data);
		for (uint32_t r = 0; r < m; r++)
			assert_near((double)((float *)y.data)[r],
				reduced(reduction, (float *)x.data + (size_t)r * n, n), 2e-5,
				kernel->name, r);
		guarded_free(&x);
		guarded_free(&y);
	}
}

// What is not finite spoils its row and no other.
static void not_finite(void **state)
{
	const struct reduce_rows_kernel *kernel = *state;

	skip_where_absent(state);
	for (uint32_t trial = 0; trial < 200; trial++) {
		const uint32_t n = 1 + random_below(100), spoilt = random_below(3);
		float x[300], y[3];

		random_fill(x, 3 * n, -1.0f, 1.0f);
		x[spoilt * n + random_below(n)] = trial % 2 ? NAN : INFINITY;
		kernel->run(REDUCTION_MEAN, 3, n, x, y);
		for (uint32_t r = 0; r < 3; r++)
			assert_int_equal(!isfinite(y[r]), r == spoilt);
	}
}

// The largest of a row with NaN anywhere in it is NaN.
static void largest_of_nan(void **state)
{
	const struct reduce_rows_kernel *kernel = *state;

	skip_where_absent(state);
	for (uint32_t n = 1; n <= 100; n++) {
		for (uint32_t at = 0; at <= n; at++) { // n: all of them
			float x[300], y[3];

			random_fill(x, 3 * n, -1.0f, 1.0f);
			for (uint32_t i = 0; i < n; i++) {
				if (i == at || at == n)
					x[n + i] = NAN;
			}
			x[2 * n + at % n] = INFINITY;
			kernel->run(REDUCTION_MAX, 3, n, x, y);
			assert_true(isfinite(y[0]) && isnan(y[1]) && y[2] > 1.0f);
		}
	}
}

int main(void)
{
	int failures;

	random_init();
	failures = KERNELS_RUN("reduce_rows", REDUCE_ROWS, as_in_double);
	failures += KERNELS_RUN("reduce_rows_not_finite", REDUCE_ROWS, not_finite);
	return failures + KERNELS_RUN("reduce_rows_nan", REDUCE_ROWS, largest_of_nan);
}
