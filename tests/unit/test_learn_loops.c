// SPDX-License-Identifier: BSD-3-Clause
// The products and loops that training is made of, against plain ones in double.
#include "base/random.h"
#include "infer/learn/net/blas.h"
#include "infer/learn/net/loops.h"
#include "tests/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float *drawn(size_t count, uint64_t *state)
{
	float *values = calloc(count, sizeof(*values));

	assert_non_null(values);
	for (size_t i = 0; i < count; i++)
		values[i] = (float)(2 * random_double(state) - 1);
	return values;
}

struct shape {
	uint32_t m, n, k;
};

static double at(const struct blas_matrix *x, uint32_t row, uint32_t column)
{
	return (double)(x->transposed ? x->values[(size_t)column * x->columns + row]
				      : x->values[(size_t)row * x->columns + column]);
}

// How c begins: with nothing, with itself, with a bias.
enum begin { BEGIN_ZERO, BEGIN_ADDED, BEGIN_BIAS, BEGIN_COUNT };

static void check_product(
	struct shape s, bool a_transposed, bool b_transposed, enum begin begin, uint64_t *state)
{
	float *left = drawn((size_t)s.m * s.k, state), *right = drawn((size_t)s.k * s.n, state);
	float *c = drawn((size_t)s.m * s.n, state), *bias = drawn(s.n, state);
	float *before = drawn((size_t)s.m * s.n, state);
	const struct blas_matrix a = { left, a_transposed ? s.m : s.k, a_transposed };
	const struct blas_matrix b = { right, b_transposed ? s.k : s.n, b_transposed };

	memcpy(before, c, (size_t)s.m * s.n * sizeof(*c));
	if (begin == BEGIN_BIAS)
		blas_product_bias(s.m, s.n, s.k, a, b, bias, c);
	else
		blas_product(s.m, s.n, s.k, a, b, begin == BEGIN_ADDED, c);
	for (uint32_t i = 0; i < s.m; i++) {
		for (uint32_t j = 0; j < s.n; j++) {
			double sum = begin == BEGIN_ADDED ? (double)before[(size_t)i * s.n + j]
				: begin == BEGIN_BIAS     ? (double)bias[j]
							  : 0;

			for (uint32_t l = 0; l < s.k; l++)
				sum += at(&a, i, l) * at(&b, l, j);
			assert_true(fabs((double)c[(size_t)i * s.n + j] - sum) <
				1e-5 * sqrt(s.k + 1.0));
		}
	}
	free(left);
	free(right);
	free(c);
	free(bias);
	free(before);
}

static void products_are_those_of_doubles(void **state)
{
	const struct shape shapes[] = { { 1, 1, 1 }, { 5, 3, 7 }, { 64, 10, 128 }, { 41, 128, 65 },
		{ 16, 50, 300 }, { 3, 17, 600 }, { 9, 520, 40 }, { 7, 1030, 33 } };
	uint64_t random = 4;

	for (uint32_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		for (uint32_t how = 0; how < 4 * BEGIN_COUNT; how++)
			check_product(shapes[i], how & 1, how & 2, how / 4, &random);
	}
}

static void rows_become_columns(void **state)
{
	uint64_t random = 5;

	for (uint32_t rows = 1; rows < 20; rows++) {
		for (uint32_t columns = 1; columns < 20; columns++) {
			// Rows of the transposed one are further apart than they are long.
			const size_t ld = rows + 3, count = (size_t)rows * columns;
			float *x = drawn(count, &random), *y = drawn(ld * columns, &random);
			float *kept = drawn(ld * columns, &random);

			memcpy(kept, y, ld * columns * sizeof(*y));
			loop_transpose(rows, columns, x, ld, y);
			for (size_t i = 0; i < ld * columns; i++) {
				const size_t row = i % ld, column = i / ld;

				assert_true(
					y[i] == (row < rows ? x[row * columns + column] : kept[i]));
			}
			free(x);
			free(y);
			free(kept);
		}
	}
}

static void columns_are_added_up(void **state)
{
	uint64_t random = 6;

	for (uint32_t columns = 1; columns < 200; columns += 9) {
		const uint32_t rows = 1 + (uint32_t)random_below(&random, 40);
		float *x = drawn((size_t)rows * columns, &random);
		float *sums = drawn(columns, &random), *before = drawn(columns, &random);
		const bool adds = columns % 2;

		memcpy(before, sums, columns * sizeof(*sums));
		loop_columns(rows, columns, x, adds, sums);
		for (uint32_t c = 0; c < columns; c++) {
			double sum = adds ? (double)before[c] : 0;

			for (uint32_t r = 0; r < rows; r++)
				sum += (double)x[(size_t)r * columns + c];
			assert_true(fabs((double)sums[c] - sum) < 1e-5 * (rows + 1));
		}
		free(x);
		free(sums);
		free(before);
	}
}

static void arrays_are_added_up_in_their_order(void **state)
{
	uint64_t random = 7;
	float *from = drawn((size_t)4 * 100, &random), *to = drawn(90, &random);
	float *before = drawn(90, &random);

	memcpy(before, to, 90 * sizeof(*to));
	loop_sum(90, 4, 100, from, true, to);
	for (uint32_t i = 0; i < 90; i++)
		assert_true(to[i] ==
			(((before[i] + from[i]) + from[100 + i]) + from[200 + i]) + from[300 + i]);
	loop_sum(90, 4, 100, from, false, to);
	for (uint32_t i = 0; i < 90; i++)
		assert_true(to[i] == ((from[i] + from[100 + i]) + from[200 + i]) + from[300 + i]);
	free(from);
	free(to);
	free(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(products_are_those_of_doubles),
		cmocka_unit_test(rows_become_columns),
		cmocka_unit_test(columns_are_added_up),
		cmocka_unit_test(arrays_are_added_up_in_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
