// SPDX-License-Identifier: BSD-3-Clause
// Products of two computed matrices against double, for any strides of the left one, forbidden
// pages right behind all three.
#include "infer/kernels/kernels.h"
#include "infer/kernels/product/product.h"
#include "tests/kernels/harness.h"

static const struct product_kernel {
	const char *name;
	unsigned isa;
	product_fn *run;
} PRODUCT_KERNELS[] = { X86(
	{ "avx2", ISA_AVX2, f32_product__avx2 }, { "avx512", ISA_AVX512, f32_product__avx512 }, )
		ARM({ "neon", ISA_NEON, f32_product__neon }, ) };
static const struct kernel_table PRODUCT_TABLE = { PRODUCT_KERNELS, sizeof(*PRODUCT_KERNELS),
	sizeof(PRODUCT_KERNELS) / sizeof(*PRODUCT_KERNELS) };

static void check(const struct product_kernel *kernel, uint32_t m, uint32_t k, uint32_t n)
{
	const bool turned = random_below(2);
	const struct product p = { m, k, n, turned ? 1 : k, turned ? m : 1, n };
	struct guarded a = guarded_alloc((size_t)m * k * sizeof(float));
	struct guarded b = guarded_alloc((size_t)k * n * sizeof(float));
	struct guarded y = guarded_alloc((size_t)m * n * sizeof(float));
	const float *left = a.data, *right = b.data;

	random_fill(a.data, (size_t)m * k, -1.0f, 1.0f);
	random_fill(b.data, (size_t)k * n, -1.0f, 1.0f);
	kernel->run(&p, left, right, y.data);
	for (uint32_t i = 0; i < m * n; i++) {
		double sum = 0;

		for (uint32_t l = 0; l < k; l++)
			sum += (double)left[i / n * p.a_row + l * p.a_column] *
				(double)right[(size_t)l * n + i % n];
		assert_near((double)((float *)y.data)[i], sum, 1e-5, kernel->name, i);
	}
	guarded_free(&a);
	guarded_free(&b);
	guarded_free(&y);
}

static void as_in_double(void **state)
{
	skip_where_absent(state);
	for (uint32_t m = 1; m < 10; m++)
		for (uint32_t n = 1; n < 70; n++)
			check(*state, m, 1 + random_below(40), n);
}

int main(void)
{
	random_init();
	return KERNELS_RUN("product", PRODUCT, as_in_double);
}
