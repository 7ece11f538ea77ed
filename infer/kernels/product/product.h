// SPDX-License-Identifier: BSD-3-Clause
// y[m,n] = a[m,k] * b[k,n] of matrices that are both computed: nothing is packed. The contract is
// kernels.h's.
#pragma once

#include "infer/kernels/kernels.h"

struct product {
	uint32_t m, k, n;       // each >= 1
	size_t a_row, a_column; // strides of a, of any order
	size_t b_row;           // b's columns stand side by side
};

typedef void product_fn(const struct product *product, const float *a, const float *b, float *y);
X86(product_fn f32_product__avx2, f32_product__avx512;)
ARM(product_fn f32_product__neon;)
