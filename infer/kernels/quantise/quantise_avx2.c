// SPDX-License-Identifier: BSD-3-Clause
// The scalar kernel's formula, eight values at a time, divided as it says.
#include "infer/kernels/quantise/qdense.h"
#include "infer/kernels/quantise/quantise.h"

#include <immintrin.h>
#include <string.h>

struct quantise_by_8 {
	__m256 scale, zero, low, high;
};

// 8 values, each in the low byte of 32 bits, the others 0: signed or not, the bits are the same.
static inline __m256i quantise_whole_avx2(const struct quantise_by_8 *by, const float *from)
{
	__m256 q = _mm256_div_ps(_mm256_loadu_ps(from), by->scale);

	q = _mm256_round_ps(q, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	q = _mm256_add_ps(q, by->zero);
	q = _mm256_and_ps(q, _mm256_cmp_ps(q, q, _CMP_ORD_Q)); // NaN is 0
	q = _mm256_min_ps(_mm256_max_ps(q, by->low), by->high);
	return _mm256_and_si256(_mm256_cvtps_epi32(q), _mm256_set1_epi32(0xff));
}

static inline void quantise_eight_avx2(
	const struct quantise_by_8 *by, const float *from, uint8_t *to)
{
	const __m256i whole = quantise_whole_avx2(by, from);
	const __m128i words =
		_mm_packus_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
	_mm_storel_epi64((__m128i *)to, _mm_packus_epi16(words, words));
}

static inline void quantise_32_avx2(const struct quantise_by_8 *by, const float *from, uint8_t *to)
{
	const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
	const __m256i low = _mm256_packus_epi32(
		quantise_whole_avx2(by, from), quantise_whole_avx2(by, from + 8));
	const __m256i high = _mm256_packus_epi32(
		quantise_whole_avx2(by, from + 16), quantise_whole_avx2(by, from + 24));

	_mm256_storeu_si256((__m256i *)(void *)to,
		_mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order));
}

void f32_quantise__avx2(const struct quantise *quantise, size_t count, const float *x, uint8_t *y)
{
	const float low = quantise->is_signed ? -128.0f : 0.0f;
	const struct quantise_by_8 by = { .scale = _mm256_set1_ps(quantise->scale),
		.zero = _mm256_set1_ps((float)quantise->zero),
		.low = _mm256_set1_ps(low),
		.high = _mm256_set1_ps(low + 255.0f) };
	float rest[8] = { 0 };
	uint8_t bytes[8];

	for (; count >= 32; count -= 32, x += 32, y += 32)
		quantise_32_avx2(&by, x, y);
	for (; count >= 8; count -= 8, x += 8, y += 8)
		quantise_eight_avx2(&by, x, y);
	if (count == 0)
		return;
	memcpy(rest, x, count * sizeof(*x));
	quantise_eight_avx2(&by, rest, bytes);
	memcpy(y, bytes, count);
}
