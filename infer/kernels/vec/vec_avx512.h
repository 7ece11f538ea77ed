// SPDX-License-Identifier: BSD-3-Clause
// vec.h's vocabulary in AVX-512: 16 floats, comparisons into mask registers.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define VEC_WIDTH  16
#define VEC_ISA    avx512
#define VEC_INLINE static inline __attribute__((always_inline))

typedef __m512 vec; // like the intrinsics' own types, and so the one exception to "no typedefs"
typedef __mmask16 vec_mask;

VEC_INLINE vec vec_set1(float value)
{
	return _mm512_set1_ps(value);
}

VEC_INLINE vec vec_load(const float *p)
{
	return _mm512_loadu_ps(p);
}

VEC_INLINE void vec_store(float *p, vec v)
{
	_mm512_storeu_ps(p, v);
}

// The first n of VEC_WIDTH lanes.
VEC_INLINE vec_mask vec_first(uint32_t n)
{
	return (vec_mask)_bzhi_u32(0xffff, n);
}

// Lanes outside of the mask read as 0 and are not touched in memory.
VEC_INLINE vec vec_load_mask(const float *p, vec_mask mask)
{
	return _mm512_maskz_loadu_ps(mask, p);
}

VEC_INLINE void vec_store_mask(float *p, vec_mask mask, vec v)
{
	_mm512_mask_storeu_ps(p, mask, v);
}

VEC_INLINE vec vec_add(vec a, vec b)
{
	return _mm512_add_ps(a, b);
}

VEC_INLINE vec vec_sub(vec a, vec b)
{
	return _mm512_sub_ps(a, b);
}

VEC_INLINE vec vec_mul(vec a, vec b)
{
	return _mm512_mul_ps(a, b);
}

VEC_INLINE vec vec_div(vec a, vec b)
{
	return _mm512_div_ps(a, b);
}

// a * b + c, rounded once.
VEC_INLINE vec vec_fma(vec a, vec b, vec c)
{
	return _mm512_fmadd_ps(a, b, c);
}

// c - a * b
VEC_INLINE vec vec_fnma(vec a, vec b, vec c)
{
	return _mm512_fnmadd_ps(a, b, c);
}

VEC_INLINE vec vec_sqrt(vec a)
{
	return _mm512_sqrt_ps(a);
}

// Where one is NaN the second operand is the result: hand the one that may be NaN in as b.
VEC_INLINE vec vec_max(vec a, vec b)
{
	return _mm512_max_ps(a, b);
}

VEC_INLINE vec vec_min(vec a, vec b)
{
	return _mm512_min_ps(a, b);
}

VEC_INLINE vec vec_abs(vec a)
{
	return _mm512_abs_ps(a);
}

VEC_INLINE vec_mask vec_less(vec a, vec b)
{
	return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

VEC_INLINE vec_mask vec_equal(vec a, vec b)
{
	return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}

VEC_INLINE vec vec_floor(vec a)
{
	return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

VEC_INLINE vec vec_ceil(vec a)
{
	return _mm512_roundscale_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
}

// To the nearest whole number, ties to even.
VEC_INLINE vec vec_round(vec a)
{
	return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

// mask ? a : b
VEC_INLINE vec vec_pick(vec_mask mask, vec a, vec b)
{
	return _mm512_mask_blend_ps(mask, b, a);
}

// a * 2^n, n whole; overflows and underflows (gradually) as a product does.
VEC_INLINE vec vec_scale2(vec a, vec n)
{
	return _mm512_scalef_ps(a, n);
}

// x = 2^exponent * mantissa, mantissa in [0.75, 1.5), of any x > 0. Of infinity and NaN the
// exponent is x, of 0 -infinity; below that mantissa or exponent is NaN.
VEC_INLINE vec vec_mantissa(vec x, vec *exponent)
{
	vec mantissa = _mm512_getmant_ps(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_nan);

	// A mantissa below 1 has taken one from the exponent. Dividing x by it may round up to
	// 2^128.
	*exponent = _mm512_sub_ps(_mm512_getexp_ps(x), _mm512_getexp_ps(mantissa));
	return mantissa;
}

// 32-bit lanes as two halves: the lower or the upper one as the upper half of a float, or the float
// rounded to what its upper half holds, to nearest, ties to even; NaN may become anything.
VEC_INLINE vec vec_lower_half(vec a)
{
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a), 16));
}

VEC_INLINE vec vec_upper_half(vec a)
{
	const __m512i upper = _mm512_set1_epi32((int)0xffff0000u);

	return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(a), upper));
}

VEC_INLINE vec vec_round_upper(vec a)
{
	const __m512i bits = _mm512_castps_si512(a);
	const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
	const __m512i half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));

	return vec_upper_half(_mm512_castsi512_ps(_mm512_add_epi32(bits, half)));
}

VEC_INLINE float vec_sum(vec a)
{
	return _mm512_reduce_add_ps(a);
}

VEC_INLINE float vec_max_of(vec a)
{
	return _mm512_reduce_max_ps(a);
}

// Lanes that are infinite or NaN, as bits.
VEC_INLINE uint32_t vec_not_finite(vec a)
{
	return _mm512_fpclass_ps_mask(a, 0x99); // QNaN, +inf, -inf, SNaN
}

// --- Short rows ----------------------------------------------------------------------------------

// The largest of the first `n` lanes (the others hold no more than those), in all lanes.
VEC_INLINE vec vec_max_across(vec v, uint32_t n)
{
	if (n > 8)
		v = _mm512_max_ps(v, _mm512_shuffle_f32x4(v, v, 0x4e));
	if (n > 4)
		v = _mm512_max_ps(v, _mm512_shuffle_f32x4(v, v, 0xb1));
	v = _mm512_max_ps(v, _mm512_permute_ps(v, 0x4e));
	return _mm512_max_ps(v, _mm512_permute_ps(v, 0xb1));
}

// The sum of the first `n` lanes (the others hold 0). Correct in those n lanes.
VEC_INLINE vec vec_sum_across(vec v, uint32_t n)
{
	if (n > 8)
		v = _mm512_add_ps(v, _mm512_shuffle_f32x4(v, v, 0x4e));
	if (n > 4)
		v = _mm512_add_ps(v, _mm512_shuffle_f32x4(v, v, 0xb1));
	v = _mm512_add_ps(v, _mm512_permute_ps(v, 0x4e));
	return _mm512_add_ps(v, _mm512_permute_ps(v, 0xb1));
}

// a / b. Correct in the first `n` lanes: up to 8 take half the time of 16.
VEC_INLINE vec vec_div_across(vec a, vec b, uint32_t n)
{
	if (n > 8)
		return _mm512_div_ps(a, b);
	return _mm512_castps256_ps512(
		_mm256_div_ps(_mm512_castps512_ps256(a), _mm512_castps512_ps256(b)));
}

// 128-bit lane i: `count` (1 to 4) floats at p + i * step, 0 beyond them.
VEC_INLINE vec vec_load_quads(const float *p, size_t step, uint32_t count)
{
	uint32_t mask = _bzhi_u32(0xf, count);
	vec v = _mm512_maskz_loadu_ps((vec_mask)mask, p);

	v = _mm512_mask_loadu_ps(v, (vec_mask)(mask << 4), p + step - 4);
	v = _mm512_mask_loadu_ps(v, (vec_mask)(mask << 8), p + 2 * step - 8);
	return _mm512_mask_loadu_ps(v, (vec_mask)(mask << 12), p + 3 * step - 12);
}

VEC_INLINE void vec_store_quads(float *p, size_t step, uint32_t count, vec v)
{
	uint32_t mask = _bzhi_u32(0xf, count);

	_mm512_mask_storeu_ps(p, (vec_mask)mask, v);
	_mm512_mask_storeu_ps(p + step - 4, (vec_mask)(mask << 4), v);
	_mm512_mask_storeu_ps(p + 2 * step - 8, (vec_mask)(mask << 8), v);
	_mm512_mask_storeu_ps(p + 3 * step - 12, (vec_mask)(mask << 12), v);
}

// Within each 128-bit lane: rows become columns.
VEC_INLINE void vec_transpose_quads(vec v[4])
{
	vec a = _mm512_unpacklo_ps(v[0], v[1]), b = _mm512_unpackhi_ps(v[0], v[1]);
	vec c = _mm512_unpacklo_ps(v[2], v[3]), d = _mm512_unpackhi_ps(v[2], v[3]);

	v[0] = _mm512_shuffle_ps(a, c, 0x44);
	v[1] = _mm512_shuffle_ps(a, c, 0xee);
	v[2] = _mm512_shuffle_ps(b, d, 0x44);
	v[3] = _mm512_shuffle_ps(b, d, 0xee);
}

// --- Wire values, `count` of them at any alignment -----------------------------------------------

VEC_INLINE vec vec_load_f32(const uint8_t *p, uint32_t count)
{
	return _mm512_maskz_loadu_ps(vec_first(count), p);
}

VEC_INLINE vec vec_load_f16(const uint8_t *p, uint32_t count)
{
	return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(vec_first(count), p));
}

VEC_INLINE vec vec_load_bf16(const uint8_t *p, uint32_t count)
{
	__m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(vec_first(count), p));

	return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

VEC_INLINE vec vec_load_i8(const uint8_t *p, uint32_t count)
{
	return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(vec_first(count), p)));
}

VEC_INLINE vec vec_load_u8(const uint8_t *p, uint32_t count)
{
	return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(vec_first(count), p)));
}
