// SPDX-License-Identifier: BSD-3-Clause
#include "tests/bench/limits.h"

#include <immintrin.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIES  9
#define CHAINS 12 // independent sums: more than latency times units
#define ROUNDS 200000

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

// Twelve sums by name: an array of them would not stay in registers.
#define EACH_CHAIN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define START(i)      sum##i = a;
#define KEEP(i)       __asm__ volatile("" : "+v"(sum##i)); // the compiler must not leave it out

// Two functions for vectors of `lanes` floats: both return the nanoseconds they took. `floats` is a
// multiple of CHAINS * lanes.
#define LIMITS(isa, features, type, prefix, lanes, MULTIPLY_ADD, WEIGHT)                           \
	__attribute__((target(features))) static double registers_##isa(void)                      \
	{                                                                                          \
		type sum0, sum1, sum2, sum3, sum4, sum5, sum6, sum7, sum8, sum9, sum10, sum11;     \
		type a = prefix##_set1_ps(0.999f), b = prefix##_set1_ps(0.001f);                   \
		double start = now_ns();                                                           \
                                                                                                   \
		EACH_CHAIN(START)                                                                  \
		for (int round = 0; round < ROUNDS; round++) {                                     \
			EACH_CHAIN(MULTIPLY_ADD)                                                   \
			EACH_CHAIN(KEEP)                                                           \
		}                                                                                  \
		return now_ns() - start;                                                           \
	}                                                                                          \
                                                                                                   \
	__attribute__((target(features))) static double weights_##isa(                             \
		const float *weights, size_t floats, size_t walks)                                 \
	{                                                                                          \
		type sum0, sum1, sum2, sum3, sum4, sum5, sum6, sum7, sum8, sum9, sum10, sum11;     \
		type a = prefix##_set1_ps(0.001f);                                                 \
		const float *const end = weights + floats;                                         \
		double start = now_ns();                                                           \
                                                                                                   \
		EACH_CHAIN(START)                                                                  \
		for (; walks > 0; walks--) {                                                       \
			for (const float *w = weights; w < end; w += CHAINS * (lanes)) {           \
				EACH_CHAIN(WEIGHT)                                                 \
				EACH_CHAIN(KEEP)                                                   \
			}                                                                          \
		}                                                                                  \
		return now_ns() - start;                                                           \
	}
#define MULTIPLY_ADD_16(i) sum##i = _mm512_fmadd_ps(sum##i, a, b);
#define MULTIPLY_ADD_8(i)  sum##i = _mm256_fmadd_ps(sum##i, a, b);
#define WEIGHT_16(i)       sum##i = _mm512_fmadd_ps(_mm512_load_ps(w + (i)*16), a, sum##i);
#define WEIGHT_8(i)        sum##i = _mm256_fmadd_ps(_mm256_load_ps(w + (i)*8), a, sum##i);

LIMITS(avx512, "avx512f", __m512, _mm512, 16, MULTIPLY_ADD_16, WEIGHT_16)
LIMITS(avx2, "avx2,fma", __m256, _mm256, 8, MULTIPLY_ADD_8, WEIGHT_8)

double limit_fma_per_ns(void)
{
	const int wide = __builtin_cpu_supports("avx512f");
	double best = 0.0;

	if (!wide && !__builtin_cpu_supports("fma"))
		return 0.0;
	for (int i = 0; i < TRIES; i++) {
		double ns = wide ? registers_avx512() : registers_avx2();
		double rate = (double)ROUNDS * CHAINS * (wide ? 16 : 8) / ns;

		best = rate > best ? rate : best;
	}
	return best;
}

double limit_weights_ns(size_t count)
{
	const int wide = __builtin_cpu_supports("avx512f");
	const size_t step = CHAINS * 16, floats = (count + step - 1) / step * step;
	const size_t walks = 4000000 / floats + 1;
	float *w = aligned_alloc(64, floats * sizeof(*w));
	double best = 1e300;

	if (!w || (!wide && !__builtin_cpu_supports("fma"))) {
		free(w);
		return 0.0;
	}
	memset(w, 0, floats * sizeof(*w));
	for (int i = 0; i < TRIES; i++) {
		double ns =
			wide ? weights_avx512(w, floats, walks) : weights_avx2(w, floats, walks);

		best = ns < best ? ns : best;
	}
	free(w);
	return best / (double)walks * (double)count / (double)floats;
}
