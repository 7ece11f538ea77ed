// SPDX-License-Identifier: BSD-3-Clause
// Kernels of tree ensembles (infer/graph/trees.h). The contract is that of kernels.h; each kernel
// has its own packing, which may not support an ensemble at all.
//
//	plain	the arrays as they are; takes everything, and is the truth
//	walk	branches of 8 bytes, siblings adjacent; 8 trees at once, to overlap their loads; tests of
//		sets and the like are answered before (trees_questions.h)
//	masks	batches: ranks instead of floats, a row mask of 32 or 64 bits for every branch
//	blocks	one row: all branches of all trees decided 64 at a time, then 16 leaves at a time
//
// The last two replace a feature's value by its rank among the thresholds that it is compared with
// (trees_ranks.h), so that a byte decides as the float would.
#pragma once

#include "infer/graph/trees.h"
#include "infer/kernels/kernels.h"

struct trees_kernel {
	const char *name;
	unsigned isa;
	uint32_t tile_rows; // rows taken at once; 1: made for batch 1
	// Bytes that pack() writes; 0: this ensemble is not supported, or no memory to find out.
	size_t (*packed_bytes)(const struct trees *trees);
	int (*pack)(void *packed, const struct trees *trees); // KERNEL_ALIGN-aligned. -ENOMEM
	// y[m][targets] = base + leaves. x rows are ldx floats apart, y rows ldy.
	void (*run)(
		const void *packed, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy);
};

// X(name, isa, tile_rows, packing)
#define TREES_LIST(X)                                                                              \
	X(f32_trees_1x1__scalar, ISA_SCALAR, 1, trees_plain)                                       \
	X(u32_trees_8x1__scalar, ISA_SCALAR, 1, trees_walk)                                        \
	X86(X(u8_trees_32__avx2, ISA_AVX2, 32, trees_masks)                                        \
			X(u8_trees_1x64__avx512vbmi, ISA_AVX512 | ISA_VBMI, 1, trees_blocks)       \
				X(u8_trees_64__avx512, ISA_AVX512, 64, trees_masks))               \
	ARM(X(u8_trees_32__neon, ISA_NEON, 32, trees_masks))

#define X(name, isa, tile_rows, packing)                                                           \
	void name(const void *packed, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy);
TREES_LIST(X)
#undef X
#define X(packing)                                                                                 \
	size_t packing##_bytes(const struct trees *trees);                                         \
	int packing##_pack(void *packed, const struct trees *trees);
X(trees_plain)
X(trees_walk)
X(trees_masks)
X(trees_blocks)
#undef X

// Kernels of the same order add up a row's leaves in the same order.
unsigned trees_order(const struct trees_kernel *kernel);

extern const struct trees_kernel TREES_KERNELS[];
extern const struct kernel_table TREES_TABLE;
// The choice without timing, for batches of about m rows, in order of preference: `nth` from 0;
// NULL: no more. The last one supports every ensemble.
const struct trees_kernel *trees_pick(unsigned isa_mask, uint32_t m, uint32_t nth);
