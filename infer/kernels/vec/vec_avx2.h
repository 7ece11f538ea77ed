// SPDX-License-Identifier: BSD-3-Clause
// vec.h's vocabulary in AVX2 and FMA: 8 floats, comparisons into vectors of all-ones lanes.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define VEC_WIDTH  8
#define VEC_ISA    avx2
#define VEC_INLINE static inline __attribute__((always_inline))

typedef __m256 vec; // like the intrinsics' own types, and so the one exception to "no typedefs"
typedef __m256i vec_mask;

VEC_INLINE vec vec_set1(float value)
{
	return _mm256_set1_ps(value);
}

VEC_INLINE vec vec_load(const float *p)
{
	return _mm256_loadu_ps(p);
}

VEC_INLINE void vec_store(float *p, vec v)
{
	_mm256_storeu_ps(p, v);
}

// The first n of VEC_WIDTH lanes.
VEC_INLINE vec_mask vec_first(uint32_t n)
{
	return _mm256_cmpgt_epi32(
		_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

// Lanes outside of the mask read as 0 and are not touched in memory.
VEC_INLINE vec vec_load_mask(const float *p, vec_mask mask)
{
	return _mm256_maskload_ps(p, mask);
}

VEC_INLINE void vec_store_mask(float *p, vec_mask mask, vec v)
{
	_mm256_maskstore_ps(p, mask, v);
}

VEC_INLINE vec vec_add(vec a, vec b)
{
	return _mm256_add_ps(a, b);
}

VEC_INLINE vec vec_sub(vec a, vec b)
{
	return _mm256_sub_ps(a, b);
}

VEC_INLINE vec vec_mul(vec a, vec b)
{
	return _mm256_mul_ps(a, b);
}

VEC_INLINE vec vec_div(vec a, vec b)
{
	return _mm256_div_ps(a, b);
}

// a * b + c, rounded once.
VEC_INLINE vec vec_fma(vec a, vec b, vec c)
{
	return _mm256_fmadd_ps(a, b, c);
}

// c - a * b
VEC_INLINE vec vec_fnma(vec a, vec b, vec c)
{
	return _mm256_fnmadd_ps(a, b, c);
}

VEC_INLINE vec vec_sqrt(vec a)
{
	return _mm256_sqrt_ps(a);
}

// Where one is NaN the second operand is the result: hand the one that may be NaN in as b.
VEC_INLINE vec vec_max(vec a, vec b)
{
	return _mm256_max_ps(a, b);
}

VEC_INLINE vec vec_min(vec a, vec b)
{
	return _mm256_min_ps(a, b);
}

VEC_INLINE vec vec_abs(vec a)
{
	return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}

VEC_INLINE vec_mask vec_less(vec a, vec b)
{
	return _mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_LT_OQ));
}

VEC_INLINE vec_mask vec_equal(vec a, vec b)
{
	return _mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_EQ_OQ));
}

VEC_INLINE vec vec_floor(vec a)
{
	return _mm256_floor_ps(a);
}

VEC_INLINE vec vec_ceil(vec a)
{
	return _mm256_ceil_ps(a);
}

// To the nearest whole number, ties to even.
VEC_INLINE vec vec_round(vec a)
{
	return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

// mask ? a : b
VEC_INLINE vec vec_pick(vec_mask mask, vec a, vec b)
{
	return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(mask));
}

// a * 2^n, n whole and within +-250; overflows and underflows (gradually) as a product does: two
// factors, each of which is a normal number.
VEC_INLINE vec vec_scale2(vec a, vec n)
{
	const __m256i bias = _mm256_set1_epi32(127);
	__m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
	__m256i rest = _mm256_sub_epi32(whole, half);
	__m256i first = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
	__m256i second = _mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23);

	a = _mm256_mul_ps(a, _mm256_castsi256_ps(first));
	return _mm256_mul_ps(a, _mm256_castsi256_ps(second));
}

// x = 2^exponent * mantissa, mantissa in [0.75, 1.5), of any x > 0. Of infinity and NaN the
// exponent is x, of 0 -infinity, below that NaN.
VEC_INLINE vec vec_mantissa(vec x, vec *exponent)
{
	// Bits counted from those of 0.75: the exponent field of the difference is the exponent.
	const __m256i from = _mm256_set1_epi32(0x3f400000);
	const vec zero = _mm256_setzero_ps(), infinity = _mm256_set1_ps(__builtin_inff());
	vec tiny = _mm256_cmp_ps(x, _mm256_set1_ps(0x1p-126f), _CMP_LT_OQ); // no implied leading 1
	vec normal = _mm256_blendv_ps(x, _mm256_mul_ps(x, _mm256_set1_ps(0x1p23f)), tiny);
	__m256i bits = _mm256_castps_si256(normal);
	__m256i power = _mm256_srai_epi32(_mm256_sub_epi32(bits, from), 23);
	vec e = _mm256_sub_ps(
		_mm256_cvtepi32_ps(power), _mm256_and_ps(tiny, _mm256_set1_ps(23.0f)));

	e = _mm256_blendv_ps(x, e, _mm256_cmp_ps(x, infinity, _CMP_LT_OQ));
	// sqrt(x) is 0 of 0 and NaN below.
	e = _mm256_blendv_ps(
		e, _mm256_sub_ps(_mm256_sqrt_ps(x), infinity), _mm256_cmp_ps(x, zero, _CMP_LE_OQ));
	*exponent = e;
	return _mm256_castsi256_ps(_mm256_sub_epi32(bits, _mm256_slli_epi32(power, 23)));
}

// 32-bit lanes as two halves: the lower or the upper one as the upper half of a float, or the float
// rounded to what its upper half holds, to nearest, ties to even; NaN may become anything.
VEC_INLINE vec vec_lower_half(vec a)
{
	return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a), 16));
}

VEC_INLINE vec vec_upper_half(vec a)
{
	return _mm256_and_ps(a, _mm256_castsi256_ps(_mm256_set1_epi32((int)0xffff0000u)));
}

VEC_INLINE vec vec_round_upper(vec a)
{
	const __m256i bits = _mm256_castps_si256(a);
	const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
	const __m256i half = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));

	return vec_upper_half(_mm256_castsi256_ps(_mm256_add_epi32(bits, half)));
}

VEC_INLINE float vec_sum(vec a)
{
	__m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));

	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

VEC_INLINE float vec_max_of(vec a)
{
	__m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));

	s = _mm_max_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

// Lanes that are infinite or NaN, as bits.
VEC_INLINE uint32_t vec_not_finite(vec a)
{
	const vec infinity = _mm256_set1_ps(__builtin_inff());

	return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(vec_abs(a), infinity, _CMP_NLT_UQ));
}

// --- Short rows ----------------------------------------------------------------------------------

// The largest of the first `n` lanes (the others hold no more than those), in all lanes.
VEC_INLINE vec vec_max_across(vec v, uint32_t n)
{
	if (n > 4)
		v = _mm256_max_ps(v, _mm256_permute2f128_ps(v, v, 0x01));
	v = _mm256_max_ps(v, _mm256_permute_ps(v, 0x4e));
	return _mm256_max_ps(v, _mm256_permute_ps(v, 0xb1));
}

// The sum of the first `n` lanes (the others hold 0). Correct in those n lanes.
VEC_INLINE vec vec_sum_across(vec v, uint32_t n)
{
	if (n > 4)
		v = _mm256_add_ps(v, _mm256_permute2f128_ps(v, v, 0x01));
	v = _mm256_add_ps(v, _mm256_permute_ps(v, 0x4e));
	return _mm256_add_ps(v, _mm256_permute_ps(v, 0xb1));
}

// a / b. Correct in the first `n` lanes.
VEC_INLINE vec vec_div_across(vec a, vec b, uint32_t n)
{
	(void)n;
	return _mm256_div_ps(a, b);
}

VEC_INLINE __m128i vec_first_of4(uint32_t count)
{
	return _mm_cmpgt_epi32(_mm_set1_epi32((int)count), _mm_setr_epi32(0, 1, 2, 3));
}

// 128-bit lane i: `count` (1 to 4) floats at p + i * step, 0 beyond them.
VEC_INLINE vec vec_load_quads(const float *p, size_t step, uint32_t count)
{
	__m128i mask = vec_first_of4(count);

	return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_maskload_ps(p, mask)),
		_mm_maskload_ps(p + step, mask), 1);
}

VEC_INLINE void vec_store_quads(float *p, size_t step, uint32_t count, vec v)
{
	__m128i mask = vec_first_of4(count);

	_mm_maskstore_ps(p, mask, _mm256_castps256_ps128(v));
	_mm_maskstore_ps(p + step, mask, _mm256_extractf128_ps(v, 1));
}

// Within each 128-bit lane: rows become columns.
VEC_INLINE void vec_transpose_quads(vec v[4])
{
	vec a = _mm256_unpacklo_ps(v[0], v[1]), b = _mm256_unpackhi_ps(v[0], v[1]);
	vec c = _mm256_unpacklo_ps(v[2], v[3]), d = _mm256_unpackhi_ps(v[2], v[3]);

	v[0] = _mm256_shuffle_ps(a, c, 0x44);
	v[1] = _mm256_shuffle_ps(a, c, 0xee);
	v[2] = _mm256_shuffle_ps(b, d, 0x44);
	v[3] = _mm256_shuffle_ps(b, d, 0xee);
}

// --- Wire values, `count` of them at any alignment -----------------------------------------------

// Fewer than a vector's worth are copied first: AVX2 has no masked loads of 8 and 16 bits.
VEC_INLINE __m128i vec_load_bytes(const uint8_t *p, size_t bytes)
{
	__m128i whole = _mm_setzero_si128();

	__builtin_memcpy(&whole, p, bytes);
	return whole;
}

VEC_INLINE vec vec_load_f32(const uint8_t *p, uint32_t count)
{
	return _mm256_maskload_ps((const float *)(const void *)p, vec_first(count));
}

VEC_INLINE vec vec_load_f16(const uint8_t *p, uint32_t count)
{
	return _mm256_cvtph_ps(vec_load_bytes(p, count * 2));
}

VEC_INLINE vec vec_load_bf16(const uint8_t *p, uint32_t count)
{
	__m256i wide = _mm256_cvtepu16_epi32(vec_load_bytes(p, count * 2));

	return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

VEC_INLINE vec vec_load_i8(const uint8_t *p, uint32_t count)
{
	return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(vec_load_bytes(p, count)));
}

VEC_INLINE vec vec_load_u8(const uint8_t *p, uint32_t count)
{
	return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(vec_load_bytes(p, count)));
}
