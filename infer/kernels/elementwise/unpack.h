// SPDX-License-Identifier: BSD-3-Clause
// Rows as they come over the wire, to floats. The contract is kernels.h's.
#pragma once

#include "infer/kernels/kernels.h"

// dst [m][columns] f32 from wire rows of `dtype` at any alignment; i8 and u8 become
// (q - zero[c]) * scale[c]. Returns true if every value of dst is finite.
struct unpack {
	const float *scale, *zero; // [columns]; read for i8 and u8 only
	uint32_t columns;
};
typedef bool unpack_fn(
	const struct unpack *unpack, enum row_dtype dtype, uint32_t m, const void *src, float *dst);
#define UNPACK_LIST(X) X(f32_unpack__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_unpack)
#define X(name, isa)   unpack_fn name;
UNPACK_LIST(X)
#undef X
KERNEL_FAMILY(unpack, UNPACK)
