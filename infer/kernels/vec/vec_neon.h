// SPDX-License-Identifier: BSD-3-Clause
// vec.h's vocabulary in NEON of aarch64: 4 floats, comparisons into vectors of all-ones lanes.
#pragma once

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

#define VEC_WIDTH  4
#define VEC_ISA    neon
#define VEC_INLINE static inline __attribute__((always_inline))

typedef float32x4_t
	vec; // like the intrinsics' own types, and so the one exception to "no typedefs"
typedef uint32x4_t vec_mask;

VEC_INLINE vec vec_set1(float value)
{
	return vdupq_n_f32(value);
}

VEC_INLINE vec vec_load(const float *p)
{
	return vld1q_f32(p);
}

VEC_INLINE void vec_store(float *p, vec v)
{
	vst1q_f32(p, v);
}

// The first n of VEC_WIDTH lanes.
VEC_INLINE vec_mask vec_first(uint32_t n)
{
	static const uint32_t LANES[4] = { 0, 1, 2, 3 };

	return vcgtq_u32(vdupq_n_u32(n), vld1q_u32(LANES));
}

// Lanes outside of the mask read as 0 and are not touched in memory.
VEC_INLINE vec vec_load_mask(const float *p, vec_mask mask)
{
	float lanes[4] = { 0 };
	uint32_t wanted[4];

	vst1q_u32(wanted, mask);
	for (int i = 0; i < 4; i++)
		if (wanted[i])
			lanes[i] = p[i];
	return vld1q_f32(lanes);
}

VEC_INLINE void vec_store_mask(float *p, vec_mask mask, vec v)
{
	float lanes[4];
	uint32_t wanted[4];

	vst1q_f32(lanes, v);
	vst1q_u32(wanted, mask);
	for (int i = 0; i < 4; i++)
		if (wanted[i])
			p[i] = lanes[i];
}

VEC_INLINE vec vec_add(vec a, vec b)
{
	return vaddq_f32(a, b);
}

VEC_INLINE vec vec_sub(vec a, vec b)
{
	return vsubq_f32(a, b);
}

VEC_INLINE vec vec_mul(vec a, vec b)
{
	return vmulq_f32(a, b);
}

VEC_INLINE vec vec_div(vec a, vec b)
{
	return vdivq_f32(a, b);
}

// a * b + c, rounded once.
VEC_INLINE vec vec_fma(vec a, vec b, vec c)
{
	return vfmaq_f32(c, a, b);
}

// c - a * b
VEC_INLINE vec vec_fnma(vec a, vec b, vec c)
{
	return vfmsq_f32(c, a, b);
}

VEC_INLINE vec vec_sqrt(vec a)
{
	return vsqrtq_f32(a);
}

// Where one is NaN the second operand is the result: hand the one that may be NaN in as b.
VEC_INLINE vec vec_max(vec a, vec b)
{
	return vbslq_f32(vcgtq_f32(a, b), a, b);
}

VEC_INLINE vec vec_min(vec a, vec b)
{
	return vbslq_f32(vcltq_f32(a, b), a, b);
}

VEC_INLINE vec vec_abs(vec a)
{
	return vabsq_f32(a);
}

VEC_INLINE vec_mask vec_less(vec a, vec b)
{
	return vcltq_f32(a, b);
}

VEC_INLINE vec_mask vec_equal(vec a, vec b)
{
	return vceqq_f32(a, b);
}

VEC_INLINE vec vec_floor(vec a)
{
	return vrndmq_f32(a);
}

VEC_INLINE vec vec_ceil(vec a)
{
	return vrndpq_f32(a);
}

// To the nearest whole number, ties to even.
VEC_INLINE vec vec_round(vec a)
{
	return vrndnq_f32(a);
}

// mask ? a : b
VEC_INLINE vec vec_pick(vec_mask mask, vec a, vec b)
{
	return vbslq_f32(mask, a, b);
}

// a * 2^n, n whole and within +-250; overflows and underflows (gradually) as a product does: two
// factors, each of which is a normal number.
VEC_INLINE vec vec_scale2(vec a, vec n)
{
	const int32x4_t bias = vdupq_n_s32(127);
	int32x4_t whole = vcvtnq_s32_f32(n), half = vshrq_n_s32(whole, 1);
	int32x4_t rest = vsubq_s32(whole, half);

	a = vmulq_f32(a, vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(half, bias), 23)));
	return vmulq_f32(a, vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(rest, bias), 23)));
}

// x = 2^exponent * mantissa, mantissa in [0.75, 1.5), of any x > 0. Of infinity and NaN the
// exponent is x, of 0 -infinity, below that NaN.
VEC_INLINE vec vec_mantissa(vec x, vec *exponent)
{
	// Bits counted from those of 0.75: the exponent field of the difference is the exponent.
	const int32x4_t from = vdupq_n_s32(0x3f400000);
	const vec infinity = vec_set1(__builtin_inff());
	vec_mask tiny = vcltq_f32(x, vec_set1(0x1p-126f)); // no implied leading 1
	vec normal = vbslq_f32(tiny, vmulq_f32(x, vec_set1(0x1p23f)), x);
	int32x4_t bits = vreinterpretq_s32_f32(normal);
	int32x4_t power = vshrq_n_s32(vsubq_s32(bits, from), 23);
	vec e = vsubq_f32(vcvtq_f32_s32(power), vbslq_f32(tiny, vec_set1(23.0f), vec_set1(0.0f)));

	e = vbslq_f32(vcltq_f32(x, infinity), e, x);
	// sqrt(x) is 0 of 0 and NaN below.
	e = vbslq_f32(vcleq_f32(x, vec_set1(0.0f)), vsubq_f32(vsqrtq_f32(x), infinity), e);
	*exponent = e;
	return vreinterpretq_f32_s32(vsubq_s32(bits, vshlq_n_s32(power, 23)));
}

// 32-bit lanes as two halves: the lower or the upper one as the upper half of a float, or the float
// rounded to what its upper half holds, to nearest, ties to even; NaN may become anything.
VEC_INLINE vec vec_lower_half(vec a)
{
	return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(a), 16));
}

VEC_INLINE vec vec_upper_half(vec a)
{
	const uint32x4_t upper = vdupq_n_u32(0xffff0000u);

	return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), upper));
}

VEC_INLINE vec vec_round_upper(vec a)
{
	const uint32x4_t bits = vreinterpretq_u32_f32(a);
	const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
	const uint32x4_t half = vaddq_u32(odd, vdupq_n_u32(0x7fff));

	return vec_upper_half(vreinterpretq_f32_u32(vaddq_u32(bits, half)));
}

VEC_INLINE float vec_sum(vec a)
{
	return vaddvq_f32(a);
}

VEC_INLINE float vec_max_of(vec a)
{
	return vmaxvq_f32(a);
}

// Lanes that are infinite or NaN, as bits.
VEC_INLINE uint32_t vec_not_finite(vec a)
{
	static const uint32_t BITS[4] = { 1, 2, 4, 8 };
	vec_mask finite = vcltq_f32(vabsq_f32(a), vec_set1(__builtin_inff()));

	return vaddvq_u32(vbicq_u32(vld1q_u32(BITS), finite));
}

// --- Short rows ----------------------------------------------------------------------------------

// The largest of the first `n` lanes (the others hold no more than those), in all lanes.
VEC_INLINE vec vec_max_across(vec v, uint32_t n)
{
	(void)n;
	v = vec_max(v, vextq_f32(v, v, 2));
	return vec_max(v, vrev64q_f32(v));
}

// The sum of the first `n` lanes (the others hold 0). Correct in those n lanes.
VEC_INLINE vec vec_sum_across(vec v, uint32_t n)
{
	(void)n;
	v = vaddq_f32(v, vextq_f32(v, v, 2));
	return vaddq_f32(v, vrev64q_f32(v));
}

// a / b. Correct in the first `n` lanes.
VEC_INLINE vec vec_div_across(vec a, vec b, uint32_t n)
{
	(void)n;
	return vdivq_f32(a, b);
}

// 128-bit lane i: `count` (1 to 4) floats at p + i * step, 0 beyond them. There is one lane.
VEC_INLINE vec vec_load_quads(const float *p, size_t step, uint32_t count)
{
	(void)step;
	return vec_load_mask(p, vec_first(count));
}

VEC_INLINE void vec_store_quads(float *p, size_t step, uint32_t count, vec v)
{
	(void)step;
	vec_store_mask(p, vec_first(count), v);
}

// Within each 128-bit lane: rows become columns.
VEC_INLINE void vec_transpose_quads(vec v[4])
{
	float32x4x2_t a = vtrnq_f32(v[0], v[1]), b = vtrnq_f32(v[2], v[3]);

	v[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
	v[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
	v[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
	v[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}

// --- Wire values, `count` of them at any alignment -----------------------------------------------

VEC_INLINE uint8x16_t vec_load_bytes(const uint8_t *p, size_t bytes)
{
	uint8_t whole[16] = { 0 };

	__builtin_memcpy(whole, p, bytes);
	return vld1q_u8(whole);
}

VEC_INLINE vec vec_load_f32(const uint8_t *p, uint32_t count)
{
	return vreinterpretq_f32_u8(vec_load_bytes(p, count * 4));
}

VEC_INLINE vec vec_load_f16(const uint8_t *p, uint32_t count)
{
	return vcvt_f32_f16(vreinterpret_f16_u8(vget_low_u8(vec_load_bytes(p, count * 2))));
}

VEC_INLINE vec vec_load_bf16(const uint8_t *p, uint32_t count)
{
	return vreinterpretq_f32_u32(
		vshll_n_u16(vreinterpret_u16_u8(vget_low_u8(vec_load_bytes(p, count * 2))), 16));
}

VEC_INLINE vec vec_load_i8(const uint8_t *p, uint32_t count)
{
	int8x8_t bytes = vreinterpret_s8_u8(vget_low_u8(vec_load_bytes(p, count)));

	return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(bytes))));
}

VEC_INLINE vec vec_load_u8(const uint8_t *p, uint32_t count)
{
	uint8x8_t bytes = vget_low_u8(vec_load_bytes(p, count));

	return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes))));
}
