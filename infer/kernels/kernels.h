// SPDX-License-Identifier: BSD-3-Clause
// The compute kernels: what a plan's steps are bound to. Internal to infer/.
//
// Each family has its own header. There a list X(function, isa) declares every variant in ascending
// order of preference (the scalar one first: it is the truth that the others are tested against),
// and a table is made from it: a plan filters the table by an instruction set mask (kernel_allowed)
// and either times the kernels that are left or takes the choice of *_pick(). A mask names only
// what this processor has (model.c sees to that): kernels trust it.
//
// Contract of every kernel, asserted at entry: the parameters are as the comments say; `m` is the
// number of rows and may be 0; x and y need 4-byte alignment only; not one byte is read or written
// beyond what the shapes say; x == y is allowed where said ("in place"), otherwise they must not
// overlap. Kernels neither allocate nor fail, are safe on any bits (NaN and infinities included)
// and may run on any number of threads at once. Parameters are plain structs that outlive the
// calls.
//
// NaN and infinities: every variant gives NaN, an infinity or a number where the scalar one does
// (tests/kernels/test_not_finite.c). A NaN is handed on by all activations (Relu and Clip, too),
// and spoils its own row of a dense layer, of softmax and of layer norm and no other; a Normalizer
// by the largest value passes over it. No product is left out because a factor is 0. The upper
// bound of a Clip wins over the lower. The sign of a zero, and which NaN it is, are not promised.
#pragma once

#include "infer/infer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_ALIGN 64 // of packed weights

// X86() and ARM() hold the entries of a list that one architecture alone has. KERNEL_VECTORS is the
// least instruction set of the kernels that are written once for all vectors (vec.h).
#if defined(__x86_64__)
#define X86(...) __VA_ARGS__
#define ARM(...)
#define KERNEL_VECTORS ISA_AVX2
#elif defined(__aarch64__)
#define X86(...)
#define ARM(...)       __VA_ARGS__
#define KERNEL_VECTORS ISA_NEON
#else
#error "kernels are chosen on x86-64 and aarch64; another architecture needs its lists here"
#endif

// May a kernel that needs the bits `isa` run under `mask`?
static inline bool kernel_allowed(unsigned isa, unsigned mask)
{
	return (isa & ~mask) == 0;
}

// Two variants of a kernel that is written once for all vectors (vec/vec.h) on x86-64, one on
// aarch64.
#define KERNEL_VECTOR_LIST(X, name)                                                                \
	X86(X(name##__avx2, ISA_AVX2) X(name##__avx512, ISA_AVX512))                               \
	ARM(X(name##__neon, ISA_NEON))

// --- Tables --------------------------------------------------------------------------------------

// How an entry of every table begins.
struct kernel {
	const char *name; // "f32_dense_14x32__avx512"
	unsigned isa;     // bits it needs
};

struct kernel_table {
	const void *kernels; // [count], `kernel_bytes` each
	size_t kernel_bytes;
	uint32_t count; // at most KERNELS_MAX
};
#define KERNELS_MAX 16

static inline const void *kernel_at(const struct kernel_table *table, uint32_t i)
{
	return (const char *)table->kernels + i * table->kernel_bytes;
}

// The last one that is allowed: the choice without timing. NULL: none is.
const void *kernel_pick(const struct kernel_table *table, unsigned isa_mask);

// Declares the table of a family whose entries are `struct family_kernel`: FAMILY_KERNELS[],
// FAMILY_TABLE and family_pick().
#define KERNEL_TABLE(family, FAMILY)                                                               \
	extern const struct family##_kernel FAMILY##_KERNELS[];                                    \
	extern const struct kernel_table FAMILY##_TABLE;                                           \
	static inline const struct family##_kernel *family##_pick(unsigned isa_mask)               \
	{                                                                                          \
		return kernel_pick(&FAMILY##_TABLE, isa_mask);                                     \
	}
// The same, and the entries: of a family whose kernels are just functions, `family_fn`.
#define KERNEL_FAMILY(family, FAMILY)                                                              \
	struct family##_kernel {                                                                   \
		const char *name;                                                                  \
		unsigned isa;                                                                      \
		family##_fn *run;                                                                  \
	};                                                                                         \
	KERNEL_TABLE(family, FAMILY)
// Defines it, from FAMILY_LIST(ENTRY).
#define KERNEL_TABLE_DEFINE(family, FAMILY, ENTRY)                                                 \
	const struct family##_kernel FAMILY##_KERNELS[] = { FAMILY##_LIST(ENTRY) };                \
	const struct kernel_table FAMILY##_TABLE = { FAMILY##_KERNELS, sizeof(*FAMILY##_KERNELS),  \
		sizeof(FAMILY##_KERNELS) / sizeof(*FAMILY##_KERNELS) };                            \
	_Static_assert(sizeof(FAMILY##_KERNELS) / sizeof(*FAMILY##_KERNELS) <= KERNELS_MAX,        \
		"raise KERNELS_MAX");
#define KERNEL_ENTRY(function, bits) { .name = #function, .isa = (bits), .run = (function) },
// Of a list X(function, isa, tile_rows, packing).
#define KERNEL_ENTRY_PACKED(function, bits, rows, packing)                                         \
	{ .name = #function,                                                                       \
		.isa = (bits),                                                                     \
		.tile_rows = (rows),                                                               \
		.packed_bytes = packing##_bytes,                                                   \
		.pack = packing##_pack,                                                            \
		.run = (function) },
