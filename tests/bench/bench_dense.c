// SPDX-License-Identifier: BSD-3-Clause
// Nanoseconds a row of every dense kernel, beside OpenBLAS and this CPU's limit of f32
// multiply-adds, in one run. Prints JSON. Medians over repetitions that take all kernels in turn,
// so that a change of clock or a busy neighbour meets all of them; each pass reads other rows.
#include "infer/graph/act.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/product/dense.h"
#include "tests/bench/limits.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REPETITIONS 15
#define ROWS        512 // different ones, at least two batches of 256

static const struct {
	uint32_t k, n;
} SHAPES[] = { { 64, 64 }, { 41, 64 }, { 64, 32 }, { 32, 5 }, { 128, 256 }, { 256, 128 },
	{ 256, 1024 }, { 1024, 1024 } };
static const uint32_t BATCHES[] = { 1, 16, 64, 256 };

// The peer, over dense_plain weights; without the activation.
static void openblas_run(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const float *bias = dense->packed, *w = bias + dense->n;
	const int k = (int)dense->k, n = (int)dense->n;

	for (uint32_t row = 0; row < m; row++)
		memcpy(y + row * ldy, bias, dense->n * sizeof(float));
	if (m == 1)
		cblas_sgemv(CblasRowMajor, CblasTrans, k, n, 1.0f, w, n, x, 1, 1.0f, y, 1);
	else
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, n, k, 1.0f, x,
			(int)ldx, w, n, 1.0f, y, (int)ldy);
}

static const struct dense_kernel OPENBLAS = { .name = "openblas",
	.packed_bytes = dense_plain_bytes,
	.pack = dense_plain_pack,
	.run = openblas_run };

// The peer replaces the scalar kernel.
static const struct dense_kernel *bench_kernel(uint32_t i)
{
	return i == 0 ? &OPENBLAS : &DENSE_KERNELS[i];
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), by_value);
	return values[count / 2];
}

static void *aligned(size_t bytes)
{
	void *p = aligned_alloc(
		KERNEL_ALIGN, (bytes + KERNEL_ALIGN - 1) / KERNEL_ALIGN * KERNEL_ALIGN);

	if (!p) {
		fprintf(stderr, "bench_dense: out of memory\n");
		exit(1);
	}
	return p;
}

static float *random_floats(size_t count, float scale)
{
	float *values = aligned(count * sizeof(float));

	for (size_t i = 0; i < count; i++)
		values[i] = ((float)(rand() & 0xffff) / 65536.0f - 0.5f) * scale;
	return values;
}

// ns a row of one kernel, over enough passes to last about 100 us.
static double sample(const struct dense_kernel *kernel, const struct dense *dense, uint32_t batch,
	const float *x, float *y)
{
	double work = (double)dense->k * dense->n * batch / 30.0;
	uint32_t passes = work > 100e3 ? 1 : (uint32_t)(100e3 / work) + 1, slots = ROWS / batch;
	double start = now_ns();

	for (uint32_t i = 0; i < passes; i++) {
		size_t row = (size_t)(i % slots) * batch;

		kernel->run(
			dense, batch, x + row * dense->k, dense->k, y + row * dense->n, dense->n);
	}
	return (now_ns() - start) / passes / batch;
}

static void bench_batch(const struct dense *layers, const float *x, float *y, uint32_t batch,
	double fma_limit, bool last)
{
	double samples[KERNELS_MAX][REPETITIONS];
	const char *separator = "";

	for (int repetition = -1; repetition < REPETITIONS; repetition++) // the first one warms up
		for (uint32_t i = 0; i < DENSE_TABLE.count; i++)
			if (layers[i].packed)
				samples[i][repetition < 0 ? 0 : repetition] =
					sample(bench_kernel(i), &layers[i], batch, x, y);
	printf("    {\"batch\": %u, \"limit_ns\": %.1f, \"ns_per_row\": {", batch,
		fma_limit > 0.0 ? layers[0].k * (double)layers[0].n / fma_limit : 0.0);
	for (uint32_t i = 0; i < DENSE_TABLE.count; i++) {
		if (!layers[i].packed)
			continue;
		printf("%s\"%s\": %.1f", separator, bench_kernel(i)->name,
			median(samples[i], REPETITIONS));
		separator = ", ";
	}
	printf("}}%s\n", last ? "" : ",");
}

static void bench_shape(uint32_t k, uint32_t n, double fma_limit)
{
	const size_t batches = sizeof(BATCHES) / sizeof(*BATCHES);
	float *x = random_floats((size_t)ROWS * k, 1.0f),
	      *y = random_floats((size_t)ROWS * n, 1.0f);
	float *w = random_floats((size_t)k * n, 0.1f), *b = random_floats(n, 1.0f);
	struct dense layers[KERNELS_MAX] = { { .k = k, .n = n } };

	for (uint32_t i = 0; i < DENSE_TABLE.count && i < KERNELS_MAX; i++) {
		const struct dense_kernel *kernel = bench_kernel(i);
		void *packed;

		if (!kernel_allowed(kernel->isa, isa_detected()))
			continue;
		packed = aligned(kernel->packed_bytes(k, n));
		kernel->pack(packed, w, b, k, n);
		layers[i] = (struct dense){ packed, k, n, act_defaults(ACTIVATION_RELU) };
	}
	for (size_t i = 0; i < batches; i++)
		bench_batch(layers, x, y, BATCHES[i], fma_limit, i + 1 == batches);
	for (uint32_t i = 0; i < DENSE_TABLE.count && i < KERNELS_MAX; i++)
		free((void *)(uintptr_t)layers[i].packed);
	free(x);
	free(y);
	free(w);
	free(b);
}

int main(void)
{
	const size_t shapes = sizeof(SHAPES) / sizeof(*SHAPES);
	double limit = limit_fma_per_ns();

	printf("{\"isa\": \"%s\", \"f32_fma_per_ns\": %.1f, \"layers\": [\n",
		isa_name(isa_detected()), limit);
	for (size_t i = 0; i < shapes; i++) {
		printf("  {\"k\": %u, \"n\": %u, \"batches\": [\n", SHAPES[i].k, SHAPES[i].n);
		bench_shape(SHAPES[i].k, SHAPES[i].n, limit);
		printf("  ]}%s\n", i + 1 < shapes ? "," : "");
	}
	printf("]}\n");
	return 0;
}
