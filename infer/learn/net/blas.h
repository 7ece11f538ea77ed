// SPDX-License-Identifier: BSD-3-Clause
// Matrix products, from any number of threads at once. All that learns multiplies by this: by f32_product of the kernels where
// that is as fast or faster, else by OpenBLAS.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct blas_matrix { // as it lies in memory: rows one after another
	const float *values;
	uint32_t columns;
	bool transposed; // the factor is its transpose
};

// c[m][n] = a * b, or that added to c, where a is [m][k] and b [k][n], after transposition.
void blas_product(uint32_t m, uint32_t n, uint32_t k, struct blas_matrix a, struct blas_matrix b,
	bool adds, float *c);
// The same, with bias [n] added to each row; NULL: none.
void blas_product_bias(uint32_t m, uint32_t n, uint32_t k, struct blas_matrix a,
	struct blas_matrix b, const float *bias, float *c);
