// SPDX-License-Identifier: BSD-3-Clause
// Matrix products by OpenBLAS, from any number of threads at once. All that learns multiplies by this.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct blas_matrix { // as it lies in memory: rows one after another
	const float *values;
	uint32_t columns;
	bool transposed; // the factor is its transpose
};

// c[m][n] = a * b + keep * c, where a is [m][k] and b [k][n], after transposition. keep 0: c need hold nothing.
void blas_product(uint32_t m, uint32_t n, uint32_t k, struct blas_matrix a, struct blas_matrix b,
	float keep, float *c);
