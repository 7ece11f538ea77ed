// SPDX-License-Identifier: BSD-3-Clause
// Products of matrices, as NumPy's matmul has them.
#include "infer/graph/act.h"
#include "infer/graph/bf16.h"
#include "infer/ops/plain.h"
#include "infer/ops/rule.h"
#include "infer/ops/values.h"

#include <string.h>

// --- Shapes --------------------------------------------------------------------------------------

int shape_dense(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *w = shape_input(in, 1);

	if (shape_need_dtype(in, 0, DTYPE_F32) != 0 || shape_need_dtype(in, 2, DTYPE_F32) != 0 ||
		(w->dtype != DTYPE_BF16 && shape_need_dtype(in, 1, DTYPE_F32) != 0) ||
		shape_need_constant(in, 1) != 0 || shape_need_constant(in, 2) != 0 ||
		shape_need_int(in, ATTR_ACTIVATION, 0, 0, ACTIVATION_COUNT - 1) != 0)
		return -EINVAL;
	if (x->rank == 0 || w->rank != 2 || w->dims[0] != x->dims[x->rank - 1])
		return shape_refuse_pair(
			in, 0, 1, "the weights must be [K, N] for an input [..., K]");
	shape_copy(out, x);
	out->dims[out->rank - 1] = w->dims[1];
	return shape_need_vector(in, 2, w->dims[1]);
}

int shape_gemm(const struct inference *in, struct tensor *out)
{
	const struct tensor *a = shape_input(in, 0), *b = shape_input(in, 1);
	bool trans_a = node_int(in->node, ATTR_TRANS_A, 0) != 0;
	bool trans_b = node_int(in->node, ATTR_TRANS_B, 0) != 0;

	if (shape_need_f32(in) != 0)
		return -EINVAL;
	if (a->rank != 2 || b->rank != 2)
		return shape_refuse_pair(in, 0, 1, "both must have 2 dimensions");
	if (a->dims[trans_a ? 0 : 1] != b->dims[trans_b ? 1 : 0])
		return shape_refuse_pair(in, 0, 1, "the inner dimensions must be equal");
	*out = (struct tensor){
		.name = out->name, .data = out->data, .dtype = DTYPE_F32, .rank = 2
	};
	out->dims[0] = a->dims[trans_a ? 1 : 0];
	out->dims[1] = b->dims[trans_b ? 0 : 1];
	return shape_need_broadcast_to(in, 2, out);
}

int shape_matmul(const struct inference *in, struct tensor *out)
{
	int rc = shape_need_f32(in);

	return rc != 0 ? rc : shape_product(in, 0, 1, out);
}

// --- Values --------------------------------------------------------------------------------------

#define PRODUCT_COLUMNS 64

struct product_plain {
	int64_t m, k, n;
	struct tensor a, b, batch; // the dimensions of a, b and y before those of the matrices
};

// A vector is a row where it is the left operand, a column where it is the right one. The
// dimensions before those of the matrix are the batch.
static void product_split(
	const struct tensor *x, bool left, struct tensor *batch, int64_t *rows, int64_t *columns)
{
	const uint32_t rank = x->rank;

	*batch = (struct tensor){ .rank = rank > 2 ? rank - 2 : 0 };
	for (uint32_t d = 0; d < batch->rank; d++)
		batch->dims[d] = x->dims[d];
	*rows = rank > 1 ? x->dims[rank - 2] : left ? 1 : x->dims[0];
	*columns = rank > 1 ? x->dims[rank - 1] : left ? x->dims[0] : 1;
}

static struct product_plain product_of(const struct plain *plain)
{
	struct product_plain p;
	int64_t k;

	product_split(&plain->in[0], true, &p.a, &p.m, &p.k);
	product_split(&plain->in[1], false, &p.b, &k, &p.n);
	dims_broadcast(&p.batch, &p.a, &p.b); // the shape rule has seen to it
	return p;
}

static uint64_t matmul_work(const struct plain *plain)
{
	const struct product_plain p = product_of(plain);

	return (uint64_t)tensor_elements(&p.batch) * (uint64_t)p.m * (uint64_t)p.n * (uint64_t)p.k;
}

// sum[n] = sum over k of a[k * step] * b[k * row + n * column], for up to PRODUCT_COLUMNS columns: b is
// read in the order in which it lies.
static void product_sums(const float *a, int64_t step, const float *b, int64_t row, int64_t column,
	int64_t k, int64_t n, double sum[PRODUCT_COLUMNS])
{
	n = n < PRODUCT_COLUMNS ? n : PRODUCT_COLUMNS;
	memset(sum, 0, PRODUCT_COLUMNS * sizeof(*sum));
	if (row < column) {
		for (int64_t j = 0; j < n; j++) {
			for (int64_t i = 0; i < k; i++)
				sum[j] += (double)a[i * step] * (double)b[i * row + j * column];
		}
		return;
	}
	for (int64_t i = 0; i < k; i++) {
		for (int64_t j = 0; j < n; j++)
			sum[j] += (double)a[i * step] * (double)b[i * row + j * column];
	}
}

static void matmul_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct product_plain p = product_of(plain);
	double sum[PRODUCT_COLUMNS];
	float *to = y[0];
	struct walk walk;

	walk_init(&walk, &p.batch);
	walk_broadcast(&walk, 0, &p.a);
	walk_broadcast(&walk, 1, &p.b);
	for (; walk.left > 0; walk_next(&walk)) {
		const float *a = (const float *)x[0] + walk.at[0] * p.m * p.k;
		const float *b = (const float *)x[1] + walk.at[1] * p.k * p.n;

		for (int64_t i = 0; i < p.m * p.n; i++) {
			const int64_t j = i % p.n, at = j % PRODUCT_COLUMNS;

			if (at == 0)
				product_sums(
					a + i / p.n * p.k, 1, b + j, p.n, 1, p.k, p.n - j, sum);
			*to++ = (float)sum[at];
		}
	}
}

const struct plain_op plain_matmul = { .run = matmul_plain, .work = matmul_work };

// --- Dense and Gemm -----------------------------------------------------------------------------

static double dense_sum(const float *x, const float *w, size_t k, size_t n, double bias)
{
	for (size_t i = 0; i < k; i++)
		bias += (double)x[i] * (double)w[i * n];
	return bias;
}

// Adds in the order of kernels/product/bf16_dense.h: pairs of inputs go to two sums alternately,
// the odd product of a pair first, each addition rounded to float. Products of bfloat16 are exact.
static float dense_sum_bf16(const float *x, const uint16_t *w, size_t k, size_t n, float bias)
{
	float sum[2] = { bias, 0 };

	for (size_t i = 0; i < k; i += 2) {
		float *own = &sum[i / 2 % 2];

		if (i + 1 < k)
			*own += bf16_to(bf16_of(x[i + 1])) * bf16_to(w[(i + 1) * n]);
		*own += bf16_to(bf16_of(x[i])) * bf16_to(w[i * n]);
	}
	return sum[0] + sum[1];
}

static void dense_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *w = &plain->in[1];
	const size_t k = (size_t)w->dims[0], n = (size_t)w->dims[1];
	const size_t count = (size_t)tensor_elements(&plain->out[0]);
	const float *bias = plain->n_in > 2 ? x[2] : NULL;
	const struct act act = act_of_attributes(plain->node);

	for (size_t i = 0; i < count; i++) {
		const float *row = (const float *)x[0] + i / n * k, b = bias ? bias[i % n] : 0;
		const float sum = w->dtype == DTYPE_BF16
			? dense_sum_bf16(row, (const uint16_t *)x[1] + i % n, k, n, b)
			: (float)dense_sum(row, (const float *)x[1] + i % n, k, n, (double)b);

		((float *)y[0])[i] = act_f32(&act, sum);
	}
}

static uint64_t dense_work(const struct plain *plain)
{
	return (uint64_t)tensor_elements(&plain->out[0]) * (uint64_t)plain->in[1].dims[0];
}

// ALPHA * A * B + BETA * C, A and B transposed where TRANS_A and TRANS_B say so.
static void gemm_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const bool trans_a = node_int(plain->node, ATTR_TRANS_A, 0) != 0;
	const bool trans_b = node_int(plain->node, ATTR_TRANS_B, 0) != 0;
	const double alpha = (double)node_float(plain->node, ATTR_ALPHA, 1);
	const double beta = (double)node_float(plain->node, ATTR_BETA, 1);
	const int64_t m = plain->out[0].dims[0], n = plain->out[0].dims[1];
	const int64_t k = plain->in[0].dims[trans_a ? 0 : 1];
	const float *a = x[0], *b = x[1], *c = plain->n_in > 2 ? x[2] : NULL;
	double sum[PRODUCT_COLUMNS];
	float *to = y[0];
	struct walk walk;

	walk_init(&walk, &plain->out[0]);
	if (c)
		walk_broadcast(&walk, 0, &plain->in[2]);
	for (; walk.left > 0; walk_next(&walk)) {
		const int64_t i = walk.index[0], j = walk.index[1], at = j % PRODUCT_COLUMNS;

		if (at == 0)
			product_sums(a + (trans_a ? i : i * k), trans_a ? m : 1,
				b + (trans_b ? j * k : j), trans_b ? 1 : n, trans_b ? k : 1, k,
				n - j, sum);
		*to++ = (float)(alpha * sum[at] + (c ? beta * (double)c[walk.at[0]] : 0));
	}
}

static uint64_t gemm_work(const struct plain *plain)
{
	const bool trans_a = node_int(plain->node, ATTR_TRANS_A, 0) != 0;

	return (uint64_t)tensor_elements(&plain->out[0]) *
		(uint64_t)plain->in[0].dims[trans_a ? 0 : 1];
}

const struct plain_op plain_dense = { .run = dense_plain, .work = dense_work };
const struct plain_op plain_gemm = { .run = gemm_plain, .work = gemm_work };
