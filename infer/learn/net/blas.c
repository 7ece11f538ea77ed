// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/net/blas.h"

#include <cblas.h>
#include <pthread.h>

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

void blas_product(uint32_t m, uint32_t n, uint32_t k, struct blas_matrix a, struct blas_matrix b,
	float keep, float *c)
{
	cblas_sgemm(CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans,
		b.transposed ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, 1, a.values,
		(int)a.columns, b.values, (int)b.columns, keep, c, (int)n);
}
