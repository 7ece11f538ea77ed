// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/product/product.h"

void f32_product__scalar(const struct product *p, const float *a, const float *b, float *y)
{
	for (uint32_t i = 0; i < p->m; i++) {
		for (uint32_t j = 0; j < p->n; j++) {
			float sum = p->added ? p->added[i * p->added_row + j] : 0.0f;

			for (uint32_t l = 0; l < p->k; l++)
				sum += a[i * p->a_row + l * p->a_column] *
					b[l * p->b_row + j * p->b_column];
			y[(size_t)i * p->n + j] = sum;
		}
	}
}

void f32_product_epilogue__scalar(const struct product_epilogue *epilogue, size_t count, float *y)
{
	for (size_t i = 0; i < count && epilogue->alpha != 1.0f; i++)
		y[i] *= epilogue->alpha;
	for (size_t i = 0; i < count && epilogue->c; i++)
		y[i] += epilogue->beta * epilogue->c[i];
}

KERNEL_TABLE_DEFINE(product, PRODUCT, KERNEL_ENTRY)
