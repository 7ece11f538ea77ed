// SPDX-License-Identifier: BSD-3-Clause
// y[m,n] = a[m,k] * b[k,n], to which something may be added, of matrices that are both computed: nothing
// is packed. A value begins with what is added, and its products follow one after another, k by k,
// whatever m and n are. The contract is kernels.h's.
#pragma once

#include "infer/kernels/kernels.h"

struct product {
	uint32_t m, k, n;       // of vectors each >= 1
	size_t a_row, a_column; // strides of a, of any order
	size_t b_row, b_column; // and of b; vectors take a b_column of 1
	const float *added;     // [m][n], y itself or another; NULL: nothing
	size_t added_row;       // floats from row to row of it; 0: one row for all
};

typedef void product_fn(const struct product *product, const float *a, const float *b, float *y);
#define PRODUCT_LIST(X) X(f32_product__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_product)
#define X(name, isa)    product_fn name;
PRODUCT_LIST(X)
#undef X
KERNEL_FAMILY(product, PRODUCT)

// y[i] = y[i] * alpha + c[i] * beta of `count` values: the rest of Gemm.
struct product_epilogue {
	float alpha, beta;
	const float *c; // [count], NULL: none
};
void f32_product_epilogue__scalar(const struct product_epilogue *epilogue, size_t count, float *y);
