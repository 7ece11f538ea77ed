// SPDX-License-Identifier: BSD-3-Clause
// Products of matrices, as NumPy's matmul has them.
#include "infer/ops/plain.h"
#include "infer/ops/values.h"

struct product {
	int64_t m, k, n;
	struct tensor a, b,
		batch; // as matrices: the dimensions before the last two, and the result's
};

// A vector is a row on the left, a column on the right; what is left of the shape are batches.
static void split_shape(
	const struct tensor *x, bool left, struct tensor *batch, int64_t *rows, int64_t *columns)
{
	const uint32_t rank = x->rank;

	*batch = (struct tensor){ .rank = rank > 2 ? rank - 2 : 0 };
	for (uint32_t d = 0; d < batch->rank; d++)
		batch->dims[d] = x->dims[d];
	*rows = rank > 1 ? x->dims[rank - 2] : left ? 1 : x->dims[0];
	*columns = rank > 1 ? x->dims[rank - 1] : left ? x->dims[0] : 1;
}

static struct product product_of(const struct general *general)
{
	struct product p;
	int64_t k;

	split_shape(&general->in[0], true, &p.a, &p.m, &p.k);
	split_shape(&general->in[1], false, &p.b, &k, &p.n);
	dims_broadcast(&p.batch, &p.a, &p.b); // the shape rule has seen to it
	return p;
}

uint64_t general_matmul_work(const struct general *general)
{
	const struct product p = product_of(general);

	return (uint64_t)tensor_elements(&p.batch) * (uint64_t)p.m * (uint64_t)p.n * (uint64_t)p.k;
}

void general_matmul(
	const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const struct product p = product_of(general);
	float *to = y[0];
	struct walk walk;

	(void)scratch;
	walk_init(&walk, &p.batch);
	walk_broadcast(&walk, 0, &p.a);
	walk_broadcast(&walk, 1, &p.b);
	for (; walk.left > 0; walk_next(&walk)) {
		const float *a = (const float *)x[0] + walk.at[0] * p.m * p.k;
		const float *b = (const float *)x[1] + walk.at[1] * p.k * p.n;

		for (int64_t i = 0; i < p.m * p.n; i++) {
			double sum = 0;

			for (int64_t k = 0; k < p.k; k++)
				sum += (double)a[i / p.n * p.k + k] * (double)b[k * p.n + i % p.n];
			*to++ = (float)sum;
		}
	}
}
