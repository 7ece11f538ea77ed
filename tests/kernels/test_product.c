// SPDX-License-Identifier: BSD-3-Clause
// Products of two computed matrices against double, for any strides of the left one, forbidden
// pages right behind all three.
#include "infer/kernels/kernels.h"
#include "infer/kernels/product/product.h"
#include "tests/kernels/harness.h"

#include <stdlib.h>
#include <string.h>

static void check(const struct product_kernel *kernel, uint32_t m, uint32_t k, uint32_t n)
{
	const bool a_transposed = random_below(2);
	const bool b_transposed = kernel->isa == ISA_SCALAR && random_below(2);
	struct product p = { m, k, n, a_transposed ? 1 : k, a_transposed ? m : 1,
		b_transposed ? 1 : n, b_transposed ? k : 1, NULL, 0 };
	struct guarded a = guarded_alloc((size_t)m * k * sizeof(float));
	struct guarded b = guarded_alloc((size_t)k * n * sizeof(float));
	struct guarded y = guarded_alloc((size_t)m * n * sizeof(float));
	const float *left = a.data, *right = b.data;
	struct guarded added = guarded_alloc((size_t)m * n * sizeof(float));
	float *before = calloc((size_t)m * n, sizeof(*before));

	assert_non_null(before);
	random_fill(a.data, (size_t)m * k, -1.0f, 1.0f);
	random_fill(b.data, (size_t)k * n, -1.0f, 1.0f);
	random_fill(added.data, (size_t)m * n, -1.0f, 1.0f);
	memcpy(y.data, added.data, (size_t)m * n * sizeof(float));
	switch (random_below(4)) {
	case 0: // to each row another one
		p.added = added.data;
		p.added_row = n;
		break;
	case 1: // to y
		p.added = y.data;
		p.added_row = n;
		break;
	case 2: // to all rows the last one
		p.added = (const float *)added.data + (size_t)(m - 1) * n;
		break;
	default:
		break;
	}
	for (uint32_t i = 0; p.added && i < m * n; i++)
		before[i] = p.added[i / n * p.added_row + i % n];
	kernel->run(&p, left, right, y.data);
	for (uint32_t i = 0; i < m * n; i++) {
		double sum = (double)before[i];

		for (uint32_t l = 0; l < k; l++)
			sum += (double)left[i / n * p.a_row + l * p.a_column] *
				(double)right[l * p.b_row + i % n * p.b_column];
		assert_near((double)((float *)y.data)[i], sum, 1e-5, kernel->name, i);
	}
	free(before);
	guarded_free(&added);
	guarded_free(&a);
	guarded_free(&b);
	guarded_free(&y);
}

static void as_in_double(void **state)
{
	skip_where_absent(state);
	for (uint32_t m = 1; m < 18; m++)
		for (uint32_t n = 1; n < 70; n++)
			check(*state, m, 1 + random_below(40), n);
}

static void epilogue_scales_and_adds(void **state)
{
	(void)state;
	for (int trial = 0; trial < 100; trial++) {
		const size_t count = random_below(60);
		struct guarded y = guarded_alloc(count * sizeof(float));
		struct guarded c = guarded_alloc(count * sizeof(float));
		const struct product_epilogue epilogue = { random_below(2) ? 1.0f : 0.5f, -2.0f,
			random_below(2) ? c.data : NULL };
		float before[60];

		random_fill(before, count, -1.0f, 1.0f);
		random_fill(c.data, count, -1.0f, 1.0f);
		memcpy(y.data, before, count * sizeof(float));
		f32_product_epilogue__scalar(&epilogue, count, y.data);
		for (size_t i = 0; i < count; i++)
			assert_near((double)((float *)y.data)[i],
				(double)epilogue.alpha * (double)before[i] -
					(epilogue.c ? 2 * (double)epilogue.c[i] : 0),
				1e-6, "epilogue", i);
		guarded_free(&y);
		guarded_free(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(epilogue_scales_and_adds) };
	int failures;

	random_init();
	failures = KERNELS_RUN("product", PRODUCT, as_in_double);
	return failures + cmocka_run_group_tests(tests, NULL, NULL);
}
