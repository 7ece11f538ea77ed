// SPDX-License-Identifier: BSD-3-Clause
// Any function of a byte, as a table of its 256 values. The contract is kernels.h's.
#pragma once

#include "infer/kernels/kernels.h"

#define LOOKUP_VALUES 256

// y[i] = table[x[i]], table [LOOKUP_VALUES]; in place is allowed. A signed byte counts by its bits: -1 is 255.
typedef void lookup_fn(const uint8_t *table, size_t count, const uint8_t *x, uint8_t *y);
#define LOOKUP_LIST(X)                                                                             \
	X(q8_lookup__scalar, ISA_SCALAR)                                                           \
	X86(X(q8_lookup__avx2, ISA_AVX2) X(q8_lookup__avx512vbmi, ISA_AVX512 | ISA_VBMI))          \
	ARM(X(q8_lookup__neon, ISA_NEON))
#define X(name, isa) lookup_fn name;
LOOKUP_LIST(X)
#undef X
KERNEL_FAMILY(lookup, LOOKUP)
