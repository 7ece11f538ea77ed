// SPDX-License-Identifier: BSD-3-Clause
// exp, expm1, log, log1p, sigmoid, tanh, erf, gelu of vectors, in f32. Polynomials are our own:
// near-minimax fits (Lawson's iteration) over the reduced range, largest relative error of a
// polynomial 2e-10 to 5e-8.
//
// Largest errors against libm in double, in ulp of the result, the same with AVX2 and AVX-512 (all
// floats of 1e-6 to 130 in magnitude, every fifth of the others, by tests/kernels/test_vec_math.c):
// exp 1.00, exp_flushed 1.01, expm1 1.43, log 1.97, log1p 1.97, sigmoid 2.41, tanh 2.50, softplus
// 2.80, erf 1.46, gelu 6.91. gelu_tanh (vec_act.h) has 24 from -4 on and 204 far left, where it is less than
// 1e-20. Infinities, NaN and denormals come out as libm has them; the sign of a zero may be lost.
#pragma once

#include "infer/kernels/vec/vec.h"

#ifdef VEC_WIDTH

// The whole number nearest to x / ln2, for |x| < 2^21: the sum has no bits left behind the point.
VEC_INLINE vec vec_count_ln2(vec x)
{
	const vec shift = vec_set1(0x1.8p23f);

	return vec_sub(vec_fma(x, vec_set1(1.44269504f), shift), shift);
}

// x - n ln2 for whole n.
VEC_INLINE vec vec_reduce_by(vec x, vec n)
{
	// ln2 as 0x1.62e4p-1, whose products with n are exact, and the rest.
	const vec ln2_high = vec_set1(0x1.62e4p-1f), ln2_low = vec_set1(0x1.7f7d1cp-20f);

	return vec_fnma(n, ln2_low, vec_fnma(n, ln2_high, x));
}

// r in [-ln2/2, ln2/2] and whole n with x = r + n ln2, for x cut to [low, high]; NaN stays NaN.
VEC_INLINE vec vec_reduce_ln2(vec x, float low, float high, vec *n)
{
	x = vec_min(vec_set1(high), vec_max(vec_set1(low), x));
	*n = vec_count_ln2(x);
	return vec_reduce_by(x, *n);
}

// exp(r) - 1 for r as above: r + r^2 q(r).
VEC_INLINE vec vec_expm1_reduced(vec r)
{
	vec q = vec_set1(1.9918385e-04f);

	q = vec_fma(q, r, vec_set1(1.3946074e-03f));
	q = vec_fma(q, r, vec_set1(8.333264e-03f));
	q = vec_fma(q, r, vec_set1(4.166627e-02f));
	q = vec_fma(q, r, vec_set1(1.6666667e-01f));
	q = vec_fma(q, r, vec_set1(0.5f));
	return vec_fma(vec_mul(r, r), q, r);
}

VEC_INLINE vec vec_exp(vec x)
{
	vec n, r = vec_reduce_ln2(x, -105.0f, 89.0f, &n);

	return vec_scale2(vec_add(vec_set1(1.0f), vec_expm1_reduced(r)), n);
}

// exp() of x <= 0. What would be less than the least normal number is 0: computing it would cost a
// microcode assist of some 50 ns. Products by Estrin's scheme: a row of softmax waits for the
// chain.
VEC_INLINE vec vec_exp_flushed(vec x)
{
	const vec low = vec_set1(-87.0f);
	vec cut = vec_max(low, x), n = vec_count_ln2(cut), r = vec_reduce_by(cut, n);
	vec square = vec_mul(r, r);
	vec a = vec_fma(vec_set1(1.6666667e-01f), r, vec_set1(0.5f));
	vec b = vec_fma(vec_set1(8.333264e-03f), r, vec_set1(4.166627e-02f));
	vec c = vec_fma(vec_set1(1.9918385e-04f), r, vec_set1(1.3946074e-03f));
	vec q = vec_fma(vec_fma(c, square, b), square, a);
	vec e = vec_scale2(vec_add(vec_set1(1.0f), vec_fma(q, square, r)), n);

	return vec_pick(vec_less(x, low), vec_set1(0.0f), e);
}

VEC_INLINE vec vec_expm1(vec x)
{
	// Half of 2^n, so that n = 128 still is a number.
	vec n, r = vec_reduce_ln2(x, -20.0f, 89.0f, &n);
	vec p = vec_expm1_reduced(r);
	vec half = vec_scale2(vec_set1(0.5f), n);
	vec y = vec_fma(p, half, vec_sub(half, vec_set1(0.5f)));

	// Nearer to 0 than the reduction's step p itself is the result: 2y would round it twice.
	return vec_pick(vec_less(vec_abs(x), vec_set1(0.3f)),
		vec_pick(vec_less(vec_abs(x), vec_set1(1e-30f)), x, p), vec_add(y, y));
}

// 2 atanh(s) = log((1 + s) / (1 - s)) for |s| <= 1/3.
VEC_INLINE vec vec_atanh2(vec s)
{
	vec z = vec_mul(s, s), q = vec_set1(1.21541604e-01f), twice = vec_add(s, s);

	q = vec_fma(q, z, vec_set1(1.0712926e-01f));
	q = vec_fma(q, z, vec_set1(1.4308518e-01f));
	q = vec_fma(q, z, vec_set1(1.9999437e-01f));
	q = vec_fma(q, z, vec_set1(3.3333337e-01f));
	return vec_fma(vec_mul(twice, z), q, twice);
}

// log(1 + u) for u in [0, 1].
VEC_INLINE vec vec_log1p_unit(vec u)
{
	return vec_atanh2(vec_div(u, vec_add(u, vec_set1(2.0f))));
}

VEC_INLINE vec vec_log(vec x)
{
	const vec one = vec_set1(1.0f);
	vec exponent, mantissa = vec_mantissa(x, &exponent);
	vec s = vec_div(vec_sub(mantissa, one), vec_add(mantissa, one));

	return vec_fma(exponent, vec_set1(0.69314718f), vec_atanh2(s));
}

// 1 / (1 + exp(-x)), by exp(-|x|), so that nothing overflows and results near 0 and near 1 keep
// their digits.
VEC_INLINE vec vec_sigmoid(vec x)
{
	const vec one = vec_set1(1.0f), zero = vec_set1(0.0f);
	vec e = vec_exp(vec_sub(zero, vec_abs(x)));

	return vec_div(vec_pick(vec_less(x, zero), e, one), vec_add(one, e));
}

// expm1(2x) / (expm1(2x) + 2); beyond 9.02 it is 1 in f32.
VEC_INLINE vec vec_tanh(vec x)
{
	const vec limit = vec_set1(10.0f), two = vec_set1(2.0f);
	vec cut = vec_min(limit, vec_max(vec_set1(-10.0f), x));
	vec n, r = vec_reduce_ln2(vec_add(cut, cut), -20.0f, 20.0f, &n);
	vec power = vec_scale2(vec_set1(1.0f), n);
	vec e = vec_fma(vec_expm1_reduced(r), power, vec_sub(power, vec_set1(1.0f)));

	return vec_div(e, vec_add(e, two));
}

// 1 - Phi(|x|), the tail of the normal distribution, as a mantissa, which is returned, and a power of
// two, *n. By 2 (1 - Phi(|x|)) = erfc(a) = t exp(-a^2 + p(t)), a = |x| / sqrt(2), t = 1 / (1 + a / 2):
// this form keeps the digits far from 0, which 1 - erf would lose.
VEC_INLINE vec vec_normal_tail(vec x, vec *n)
{
	const vec one = vec_set1(1.0f), half = vec_set1(0.5f), zero = vec_set1(0.0f);
	vec magnitude = vec_abs(x);
	vec t = vec_div(one, vec_fma(magnitude, vec_set1(0.35355339f), one));
	vec p = vec_set1(1.457507e-01f);
	vec square, rest, r;

	p = vec_fma(p, t, vec_set1(-6.855512e-01f));
	p = vec_fma(p, t, vec_set1(1.1685634e+00f));
	p = vec_fma(p, t, vec_set1(-7.131166e-01f));
	p = vec_fma(p, t, vec_set1(-6.524424e-02f));
	p = vec_fma(p, t, vec_set1(-7.3936093e-03f));
	p = vec_fma(p, t, vec_set1(3.7811603e-02f));
	p = vec_fma(p, t, vec_set1(3.859069e-01f));
	p = vec_fma(p, t, vec_set1(9.987261e-01f));
	p = vec_fma(p, t, vec_set1(-1.265453e+00f));
	// -x^2 / 2 and what rounding took off it, the latter with p: added to the large square it
	// would lose its digits, so that comes after the reduction. Beyond 15 the result is 0
	// anyway.
	magnitude = vec_min(vec_set1(15.0f), magnitude);
	square = vec_mul(vec_mul(magnitude, magnitude), vec_set1(-0.5f));
	rest = vec_fnma(vec_mul(magnitude, half), magnitude, vec_sub(zero, square));
	p = vec_add(p, rest);
	*n = vec_count_ln2(vec_add(square, p));
	r = vec_add(vec_reduce_by(square, *n), p);
	return vec_mul(vec_mul(t, half), vec_add(one, vec_expm1_reduced(r)));
}

// x Phi(x).
VEC_INLINE vec vec_gelu(vec x)
{
	const vec one = vec_set1(1.0f), zero = vec_set1(0.0f);
	vec n, tail = vec_normal_tail(x, &n);

	// Left of 0 the product comes before the power of two: a denormal is rounded once.
	tail = vec_scale2(vec_pick(vec_less(x, zero), vec_mul(x, tail), tail), n);
	return vec_pick(vec_less(x, zero), tail, vec_mul(x, vec_sub(one, tail)));
}

// Near 0 by an odd polynomial, as 1 - erfc has no digits there.
VEC_INLINE vec vec_erf(vec x)
{
	const vec one = vec_set1(1.0f), zero = vec_set1(0.0f);
	vec z = vec_mul(x, x), q = vec_set1(7.85390148e-05f), n, tail, far;

	q = vec_fma(q, z, vec_set1(-8.01020651e-04f));
	q = vec_fma(q, z, vec_set1(5.18832915e-03f));
	q = vec_fma(q, z, vec_set1(-2.68538129e-02f));
	q = vec_fma(q, z, vec_set1(1.12835854e-01f));
	q = vec_fma(q, z, vec_set1(-3.76126260e-01f));
	q = vec_fma(q, z, vec_set1(1.28379166e-01f));
	tail = vec_normal_tail(vec_mul(x, vec_set1(1.41421356f)), &n);
	tail = vec_scale2(tail, n);
	far = vec_sub(one, vec_add(tail, tail));
	far = vec_pick(vec_less(x, zero), vec_sub(zero, far), far);
	return vec_pick(vec_less(vec_abs(x), one), vec_fma(x, q, x), far);
}

#endif
