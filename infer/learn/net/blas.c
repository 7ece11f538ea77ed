// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/net/blas.h"

#include "infer/kernels/product/product.h"

#include <cblas.h>
#include <pthread.h>
#include <string.h>

// The serial OpenBLAS as Debian builds it (without its USE_LOCKING) hands out the buffers that it packs matrices into
// without a lock: two threads at once now and then get the same one, and wrong products. The linker sends its
// calls here (--wrap, see the Makefile).
void *__real_blas_memory_alloc(int where);
void __real_blas_memory_free(void *buffer);
void *__wrap_blas_memory_alloc(int where);
void __wrap_blas_memory_free(void *buffer);

static pthread_mutex_t blas_buffers = PTHREAD_MUTEX_INITIALIZER;

void *__wrap_blas_memory_alloc(int where)
{
	void *buffer;

	pthread_mutex_lock(&blas_buffers);
	buffer = __real_blas_memory_alloc(where);
	pthread_mutex_unlock(&blas_buffers);
	return buffer;
}

void __wrap_blas_memory_free(void *buffer)
{
	pthread_mutex_lock(&blas_buffers);
	__real_blas_memory_free(buffer);
	pthread_mutex_unlock(&blas_buffers);
}

// Rows of b that a product runs through at once: 48 columns of them stay in the first- or second-level cache. To
// begin with what is there again changes no bit.
#define BLAS_DEPTH 256
// Rows of b that are wider than this are so far apart that OpenBLAS, which packs them, is as fast or faster.
#define BLAS_COLUMNS_AVX2   512
#define BLAS_COLUMNS_AVX512 1024

// So it is where a is transposed and b has fewer columns than a vector: it can take those of a as vectors.
#define BLAS_COLUMNS_LEAST 16

// NULL: OpenBLAS it is, as on all but x86-64, where nobody has measured.
static product_fn *blas_own(uint32_t n, bool a_transposed)
{
	const unsigned isa = isa_detected();

	if (a_transposed && n < BLAS_COLUMNS_LEAST)
		return NULL;
	if (((isa & ISA_AVX512) && n <= BLAS_COLUMNS_AVX512) ||
		((isa & ISA_AVX2) && n <= BLAS_COLUMNS_AVX2))
		return product_pick(isa)->run;
	return NULL;
}

static void blas_run(
	product_fn *run, struct product product, const float *a, const float *b, float *c)
{
	const uint32_t k = product.k;

	for (uint32_t at = 0; at < k; at += BLAS_DEPTH) {
		product.k = k - at < BLAS_DEPTH ? k - at : BLAS_DEPTH;
		run(&product, a + at * product.a_column, b + at * product.b_row, c);
		product.added = c;
		product.added_row = product.n;
	}
}

// What is added: `added`, rows added_row floats apart; NULL: nothing.
static void blas_multiply(uint32_t m, uint32_t n, uint32_t k, struct blas_matrix a,
	struct blas_matrix b, const float *added, size_t added_row, float *c)
{
	const struct product product = { .m = m,
		.k = k,
		.n = n,
		.a_row = a.transposed ? 1 : a.columns,
		.a_column = a.transposed ? a.columns : 1,
		.b_row = b.columns,
		.b_column = 1,
		.added = added,
		.added_row = added_row };
	product_fn *own =
		b.transposed || m == 0 || n == 0 || k == 0 ? NULL : blas_own(n, a.transposed);

	if (own) {
		blas_run(own, product, a.values, b.values, c);
		return;
	}
	for (uint32_t r = 0; added && added != c && r < m; r++)
		memcpy(c + (size_t)r * n, added + r * added_row, n * sizeof(*c));
	cblas_sgemm(CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans,
		b.transposed ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, 1, a.values,
		(int)a.columns, b.values, (int)b.columns, added ? 1 : 0, c, (int)n);
}

void blas_product(uint32_t m, uint32_t n, uint32_t k, struct blas_matrix a, struct blas_matrix b,
	bool adds, float *c)
{
	blas_multiply(m, n, k, a, b, adds ? c : NULL, n, c);
}

void blas_product_bias(uint32_t m, uint32_t n, uint32_t k, struct blas_matrix a,
	struct blas_matrix b, const float *bias, float *c)
{
	blas_multiply(m, n, k, a, b, bias, 0, c);
}
