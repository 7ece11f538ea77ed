// SPDX-License-Identifier: BSD-3-Clause
// The formula of struct qdense_epilogue, for kernels of each width: it makes floats of the sums of
// a tile while they are in the first-level cache. AVX-512's is in qdense_store_avx512.h. Nothing of
// it may be contracted into fused multiply-adds: the Makefile sees to that.
#pragma once

#include "infer/kernels/quantise/qdense.h"

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__) && defined(KERNEL_NEON)
#include <arm_neon.h>
#include <string.h>
#endif

// Does a tile store sums?
static inline bool qdense_keeps_sums(const struct qdense *dense)
{
	return dense->epilogue || dense->to == DTYPE_I32;
}

// What an epilogue knows of one row.
struct qdense_row {
	float scale;
	int32_t zero, sum;
};

static inline int32_t qdense_row_sum(const struct qdense *dense, const uint8_t *x)
{
	const uint8_t flip = dense->x_signed ? 0x80 : 0;
	uint32_t i = 0, sum = 0;

#if defined(__AVX2__)
	const __m128i flips = _mm_set1_epi8((char)flip);
	__m128i sums = _mm_setzero_si128();

	for (; i + 16 <= dense->k; i += 16) {
		const __m128i bytes = _mm_loadu_si128((const __m128i *)(x + i));

		sums = _mm_add_epi64(
			sums, _mm_sad_epu8(_mm_xor_si128(bytes, flips), _mm_setzero_si128()));
	}
	sum = (uint32_t)_mm_extract_epi32(sums, 0) + (uint32_t)_mm_extract_epi32(sums, 2);
#endif
	for (; i < dense->k; i++)
		sum += x[i] ^ flip;
	return (int32_t)(sum - flip * dense->k);
}

// What the epilogue needs of row `row` of the call, whose bytes are x.
static inline struct qdense_row qdense_row(
	const struct qdense *dense, const struct qdense_rows *rows, uint32_t row, const uint8_t *x)
{
	const size_t at = (size_t)row * rows->zero_step;
	struct qdense_row of = { .scale = rows->scale[(size_t)row * rows->scale_step] };

	if (rows->zero)
		of.zero = dense->x_signed ? (int8_t)rows->zero[at] : rows->zero[at];
	if (dense->epilogue->w_zeros)
		of.sum = qdense_row_sum(dense, x);
	return of;
}

#if defined(__AVX2__)
#define TAIL_WIDTH 8

static inline __m256i epilogue_load(const void *p)
{
	return _mm256_loadu_si256(p);
}

static inline void qdense_epilogue_some(const struct qdense_epilogue *epilogue,
	const struct qdense_row *row, uint32_t column, uint32_t count, const float *multiplier,
	void *y)
{
	const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lanes);
	const __m256 factor =
		_mm256_mul_ps(_mm256_set1_ps(row->scale), _mm256_loadu_ps(multiplier));
	__m256i sum = _mm256_maskload_epi32(y, mask);
	__m256 v;

	sum = _mm256_sub_epi32(sum,
		_mm256_mullo_epi32(
			epilogue_load(epilogue->zero_sums + column), _mm256_set1_epi32(row->zero)));
	if (epilogue->w_zeros)
		sum = _mm256_sub_epi32(sum,
			_mm256_mullo_epi32(epilogue_load(epilogue->w_zeros + column),
				_mm256_set1_epi32(row->sum)));
	v = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), factor);
	v = _mm256_add_ps(v, _mm256_loadu_ps(epilogue->bias + column));
	v = _mm256_max_ps(_mm256_set1_ps(epilogue->low), v); // the second one where one is NaN
	_mm256_maskstore_ps(y, mask, _mm256_min_ps(_mm256_set1_ps(epilogue->high), v));
}
#elif defined(__aarch64__) && defined(KERNEL_NEON)
#define TAIL_WIDTH 4

static inline void qdense_epilogue_some(const struct qdense_epilogue *epilogue,
	const struct qdense_row *row, uint32_t column, uint32_t count, const float *multiplier,
	void *y)
{
	const float32x4_t low = vdupq_n_f32(epilogue->low), high = vdupq_n_f32(epilogue->high);
	const float32x4_t factor = vmulq_n_f32(vld1q_f32(multiplier), row->scale);
	int32x4_t sum;
	float32x4_t v;
	int32_t some[4] = { 0 };

	memcpy(some, y, count * sizeof(*some));
	sum = vmlsq_n_s32(vld1q_s32(some), vld1q_s32(epilogue->zero_sums + column), row->zero);
	if (epilogue->w_zeros)
		sum = vmlsq_n_s32(sum, vld1q_s32(epilogue->w_zeros + column), row->sum);
	v = vmulq_f32(vcvtq_f32_s32(sum), factor);
	v = vaddq_f32(v, vld1q_f32(epilogue->bias + column));
	v = vbslq_f32(vcgtq_f32(low, v), low, v); // NaN stays
	v = vbslq_f32(vcltq_f32(high, v), high, v);
	vst1q_s32(some, vreinterpretq_s32_f32(v));
	memcpy(y, some, count * sizeof(*some));
}
#else
#define TAIL_WIDTH 1

static inline void qdense_epilogue_some(const struct qdense_epilogue *epilogue,
	const struct qdense_row *row, uint32_t column, uint32_t count, const float *multiplier,
	void *y)
{
	const float factor = row->scale * *multiplier;
	uint32_t sum = *(const uint32_t *)y;
	float v;

	(void)count;
	sum -= (uint32_t)row->zero * (uint32_t)epilogue->zero_sums[column];
	if (epilogue->w_zeros)
		sum -= (uint32_t)row->sum * (uint32_t)epilogue->w_zeros[column];
	v = (float)(int32_t)sum * factor;
	v += epilogue->bias[column];
	v = epilogue->low > v ? epilogue->low : v;
	*(float *)y = epilogue->high < v ? epilogue->high : v;
}
#endif

// Applies the epilogue to all columns of `count` rows from `first`, whose sums are in y. x and y
// are those of the first row.
static __attribute__((noinline, unused)) void qdense_finish(const struct qdense *dense,
	const struct qdense_rows *rows, uint32_t first, uint32_t count, const uint8_t *x, void *y)
{
	const uint32_t end = dense->n;
	float *out = y;

	for (uint32_t r = 0; r < count; r++, x += dense->k, out += dense->n) {
		const struct qdense_row row = qdense_row(dense, rows, first + r, x);

		for (uint32_t c = 0; c < end; c += TAIL_WIDTH) {
			const char *panel = (const char *)dense->packed +
				c / QDENSE_PANEL * qdense_panel_bytes(dense->k);

			qdense_epilogue_some(dense->epilogue, &row, c,
				end - c < TAIL_WIDTH ? end - c : TAIL_WIDTH,
				(const float *)(const void *)panel + QDENSE_PANEL +
					c % QDENSE_PANEL,
				out + c);
		}
	}
}
