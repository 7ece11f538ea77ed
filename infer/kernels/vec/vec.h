// SPDX-License-Identifier: BSD-3-Clause
// One vector of floats in the instruction set that a file is compiled for: the vocabulary in which
// kernels are written once (*_vec.h) and compiled for each instruction set (all_<isa>.c). Nothing
// is defined in a file without ISA flags.
#pragma once

#if defined(__AVX512F__)
#include "infer/kernels/vec/vec_avx512.h"
#elif defined(__AVX2__)
#include "infer/kernels/vec/vec_avx2.h"
#elif defined(__aarch64__) && defined(KERNEL_NEON)
#include "infer/kernels/vec/vec_neon.h"
#endif

#define VEC_PASTE2(name, isa) name##__##isa
#define VEC_PASTE(name, isa)  VEC_PASTE2(name, isa)
#define VEC_NAME(name)        VEC_PASTE(name, VEC_ISA) // f32_affine -> f32_affine__avx2

#ifdef VEC_WIDTH
// The larger or the smaller of two; where one is NaN, NaN.
VEC_INLINE vec vec_larger(vec a, vec b)
{
	return vec_pick(vec_equal(a, a), vec_max(a, b), a);
}

VEC_INLINE vec vec_smaller(vec a, vec b)
{
	return vec_pick(vec_equal(a, a), vec_min(a, b), a);
}
#endif

// In front of a loop with a constant count: it is unrolled, so that its registers are known.
#ifdef __clang__
#define VEC_UNROLL _Pragma("unroll")
#else
#define VEC_UNROLL _Pragma("GCC unroll 16")
#endif
