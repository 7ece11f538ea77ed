// SPDX-License-Identifier: BSD-3-Clause
// The compute kernels: what a plan's steps are bound to. Internal to infer/.
//
// One list per operator declares every variant in ascending order of preference (the scalar one
// first: it is the truth the others are tested against). A plan filters the list by an instruction
// set mask (kernel_allowed) and either times what is left or takes the *_pick() choice.
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

#include "infer/graph/ops.h"
#include "infer/infer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_ALIGN 64 // of packed weights

// What a list of kernels has on one architecture alone, and for kernels that are written once for
// all vectors (vec.h): what they need at least, and the widest of them that `mask` allows.
#if defined(__x86_64__)
#define X86(...) __VA_ARGS__
#define ARM(...)
#define KERNEL_VECTORS            ISA_AVX2
#define KERNEL_WIDEST(name, mask) (kernel_allowed(ISA_AVX512, mask) ? name##__avx512 : name##__avx2)
#define KERNEL_WIDEST_NAME(name, mask)                                                             \
	(kernel_allowed(ISA_AVX512, mask) ? #name "__avx512" : #name "__avx2")
#elif defined(__aarch64__)
#define X86(...)
#define ARM(...)                       __VA_ARGS__
#define KERNEL_VECTORS                 ISA_NEON
#define KERNEL_WIDEST(name, mask)      ((void)(mask), name##__neon)
#define KERNEL_WIDEST_NAME(name, mask) ((void)(mask), #name "__neon")
#else
#error "kernels are chosen on x86-64 and aarch64; another architecture needs its lists here"
#endif

// May a kernel that needs the bits `isa` run under `mask`?
static inline bool kernel_allowed(unsigned isa, unsigned mask)
{
	return (isa & ~mask) == 0;
}

// An activation with its attributes, as ops.h tells them. Fill it with activation_defaults() first.
struct act {
	enum activation kind;
	float alpha, beta;
};
// ONNX's defaults: LeakyRelu 0.01, Clip -inf..inf (as lowest and highest float), HardSigmoid 0.2
// and 0.5, Elu 1, Selu 1.67326319 and 1.05070102; 0 elsewhere.
struct act activation_defaults(enum activation kind);

// --- Dense: y[M,N] = act(x[M,K] * W[K,N] + b[N]) -------------------------------------------------
//
// OpenBLAS is the benches' peer and no kernel here. Debian's serial build (0.3.21) searches its
// pool of buffers after it has let go of the pool's lock, and two threads that multiply at once can
// get the same buffer: of products of 16x512x512 in two to four threads up to 45 in 100 came out
// wrong. It also maps memory in the midst of a product. These kernels are as fast or faster at
// every size that tests/bench/bench_dense.c measures (AVX2 at 1024x1024: within 4 %).

struct dense {
	const void *packed; // by the same kernel's pack(), KERNEL_ALIGN-aligned
	uint32_t k, n;      // k >= 1, n >= 1
	struct act act;
};

struct dense_kernel {
	const char *name;   // "f32_dense_14x32__avx512"
	unsigned isa;       // bits it needs
	uint32_t tile_rows; // rows taken at once; 1: made for batch 1
	size_t (*packed_bytes)(uint32_t k, uint32_t n);
	// w [k][n], b [n] or NULL for none. All packed_bytes() are written.
	void (*pack)(void *packed, const float *w, const float *b, uint32_t k, uint32_t n);
	// Any m. x rows are ldx >= k floats apart, y rows ldy >= n. Bytes between rows are not
	// touched.
	void (*run)(const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y,
		size_t ldy);
};

// X(name, isa, tile_rows, packing): functions `name` and `packing`_bytes, `packing`_pack.
#define DENSE_LIST(X)                                                                              \
	X(f32_dense_1x1__scalar, ISA_SCALAR, 1, dense_plain)                                       \
	X86(DENSE_LIST_X86(X))                                                                     \
	ARM(X(f32_dense_1x32__neon, ISA_NEON, 1, dense_panel16)                                    \
			X(f32_dense_6x16__neon, ISA_NEON, 6, dense_panel16))
#define DENSE_LIST_X86(X)                                                                          \
	X(f32_dense_1x64__avx2, ISA_AVX2, 1, dense_panel16)                                        \
	X(f32_dense_6x16__avx2, ISA_AVX2, 6, dense_panel16)                                        \
	X(f32_dense_1x64k2__avx512, ISA_AVX512, 1, dense_panel64k2)                                \
	X(f32_dense_1x64__avx512, ISA_AVX512, 1, dense_panel64)                                    \
	X(f32_dense_14x16k2__avx512, ISA_AVX512, 14, dense_panel16k2)                              \
	X(f32_dense_6x64__avx512, ISA_AVX512, 6, dense_panel16)                                    \
	X(f32_dense_8x48__avx512, ISA_AVX512, 8, dense_panel16)                                    \
	X(f32_dense_14x32__avx512, ISA_AVX512, 14, dense_panel16)

#define X(name, isa, tile_rows, packing)                                                           \
	void name(const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y,     \
		size_t ldy);
DENSE_LIST(X)
#undef X

#define X(packing)                                                                                 \
	size_t packing##_bytes(uint32_t k, uint32_t n);                                            \
	void packing##_pack(void *packed, const float *w, const float *b, uint32_t k, uint32_t n);
X(dense_plain)     // [1 + k][n]: the bias, then the weights as they are
X(dense_panel16)   // [panels][1 + k][16]: 16 columns of the bias, then of each row of the weights
X(dense_panel64)   // [panels][1 + k][64]; the last panel as many as there are, by 16
X(dense_panel16k2) // dense_pack.c tells: two rows of the weights interleaved in a vector
X(dense_panel64k2) // the same, by 64 columns
#undef X

extern const struct dense_kernel DENSE_KERNELS[];
extern const uint32_t DENSE_KERNELS_COUNT; // at most DENSE_KERNELS_MAX
#define DENSE_KERNELS_MAX 32
// The choice without timing, for batches of about m rows. Never NULL.
const struct dense_kernel *dense_pick(unsigned isa_mask, uint32_t m, uint32_t k, uint32_t n);

// --- The other operators: one function each, by ISA ----------------------------------------------
//
// For an operator `o` with parameters `struct o`, KERNELS_OF(o, ...) declares
//	struct o_kernel { name, isa, run }, O_KERNELS[] in ascending order, O_KERNELS_COUNT and
//	const struct o_kernel *o_pick(unsigned isa_mask);   the last one allowed, never NULL
// X(function, isa)

#define ACTIVATE_LIST(X)                                                                           \
	X(f32_activate__scalar, ISA_SCALAR)                                                        \
	X86(X(f32_activate__avx2, ISA_AVX2) X(f32_activate__avx512, ISA_AVX512))                   \
	ARM(X(f32_activate__neon, ISA_NEON))
// y[i] = act(x[i]) for `count` values. In place allowed.
struct activate_kernel {
	const char *name;
	unsigned isa;
	void (*run)(const struct act *act, size_t count, const float *x, float *y);
};

enum binary_op { BINARY_ADD, BINARY_SUB, BINARY_MUL, BINARY_DIV, BINARY_COUNT };
enum operand {
	OPERAND_FULL,    // [m][columns]
	OPERAND_COLUMNS, // [columns], the same for all rows
	OPERAND_SCALAR,  // [1], the same for all rows
	OPERAND_COUNT,
};
#define BINARY_LIST(X)                                                                             \
	X(f32_binary__scalar, ISA_SCALAR)                                                          \
	X86(X(f32_binary__avx2, ISA_AVX2) X(f32_binary__avx512, ISA_AVX512))                       \
	ARM(X(f32_binary__neon, ISA_NEON))
// y[m][columns] = a op b. y may be a or b where that one is OPERAND_FULL.
struct binary {
	enum binary_op op;
	enum operand a, b;
	uint32_t columns;
};
struct binary_kernel {
	const char *name;
	unsigned isa;
	void (*run)(
		const struct binary *binary, uint32_t m, const float *a, const float *b, float *y);
};

// Any ONNX (numpy) broadcasting, strides in elements, 0 where the operand does not move. y is
// contiguous: [m][dims...]. Not in place.
#define BROADCAST_RANK_MAX 8
#define BROADCAST_LIST(X)  X(f32_broadcast__scalar, ISA_SCALAR)
struct broadcast {
	enum binary_op op;
	uint32_t rank;                       // 0: one value
	uint32_t dims[BROADCAST_RANK_MAX];   // of one row's result
	size_t a_stride[BROADCAST_RANK_MAX]; // [rank]
	size_t b_stride[BROADCAST_RANK_MAX];
	size_t a_row_stride, b_row_stride; // from row to row of the batch; 0: a constant
};
struct broadcast_kernel {
	const char *name;
	unsigned isa;
	void (*run)(const struct broadcast *broadcast, uint32_t m, const float *a, const float *b,
		float *y);
};

#define AFFINE_LIST(X)                                                                             \
	X(f32_affine__scalar, ISA_SCALAR)                                                          \
	X86(X(f32_affine__avx2, ISA_AVX2) X(f32_affine__avx512, ISA_AVX512))                       \
	ARM(X(f32_affine__neon, ISA_NEON))
// y[m][columns] = act(x * scale[c] + shift[c]). In place allowed. Also batch normalisation:
// scale = gamma / sqrt(variance + epsilon), shift = beta - mean * scale.
struct affine {
	const float *scale, *shift; // [columns]
	uint32_t columns;
	struct act act;
};
struct affine_kernel {
	const char *name;
	unsigned isa;
	void (*run)(const struct affine *affine, uint32_t m, const float *x, float *y);
};

#define PRELU_LIST(X)                                                                              \
	X(f32_prelu__scalar, ISA_SCALAR)                                                           \
	X86(X(f32_prelu__avx2, ISA_AVX2) X(f32_prelu__avx512, ISA_AVX512))                         \
	ARM(X(f32_prelu__neon, ISA_NEON))
// y = x < 0 ? x * slope[c] : x. In place allowed.
struct prelu {
	const float *slope; // [columns]
	uint32_t columns;
};
struct prelu_kernel {
	const char *name;
	unsigned isa;
	void (*run)(const struct prelu *prelu, uint32_t m, const float *x, float *y);
};

#define SOFTMAX_LIST(X)                                                                            \
	X(f32_softmax__scalar, ISA_SCALAR)                                                         \
	X86(X(f32_softmax__avx2, ISA_AVX2) X(f32_softmax__avx512, ISA_AVX512))                     \
	ARM(X(f32_softmax__neon, ISA_NEON))
// Over n values that stand `inner` apart: x and y are [m][n][inner]; inner is 1 for the last axis
// (m counts outer dimensions too). In place allowed. A row with NaN or +inf gives NaN.
struct softmax {
	uint32_t n, inner; // both >= 1
	bool log;          // LogSoftmax
};
struct softmax_kernel {
	const char *name;
	unsigned isa;
	void (*run)(const struct softmax *softmax, uint32_t m, const float *x, float *y);
};

#define LAYER_NORM_LIST(X)                                                                         \
	X(f32_layer_norm__scalar, ISA_SCALAR)                                                      \
	X86(X(f32_layer_norm__avx2, ISA_AVX2) X(f32_layer_norm__avx512, ISA_AVX512))               \
	ARM(X(f32_layer_norm__neon, ISA_NEON))
// y = (x - mean) / sqrt(variance + epsilon) * scale[c] + bias[c] over rows of n; m counts outer
// dimensions too. In place allowed. mean and inv_std [m] are written where not NULL.
struct layer_norm {
	const float *scale; // [n]
	const float *bias;  // [n], NULL: 0
	uint32_t n;         // >= 1
	float epsilon;
};
struct layer_norm_kernel {
	const char *name;
	unsigned isa;
	void (*run)(const struct layer_norm *layer_norm, uint32_t m, const float *x, float *y,
		float *mean, float *inv_std);
};

#define NORMALIZER_LIST(X)                                                                         \
	X(f32_normalizer__scalar, ISA_SCALAR)                                                      \
	X86(X(f32_normalizer__avx2, ISA_AVX2) X(f32_normalizer__avx512, ISA_AVX512))               \
	ARM(X(f32_normalizer__neon, ISA_NEON))
// ai.onnx.ml Normalizer over rows of n. In place allowed.
struct normalizer {
	enum norm norm;
	uint32_t n; // >= 1
};
struct normalizer_kernel {
	const char *name;
	unsigned isa;
	void (*run)(const struct normalizer *normalizer, uint32_t m, const float *x, float *y);
};

#define UNPACK_LIST(X)                                                                             \
	X(f32_unpack__scalar, ISA_SCALAR)                                                          \
	X86(X(f32_unpack__avx2, ISA_AVX2) X(f32_unpack__avx512, ISA_AVX512))                       \
	ARM(X(f32_unpack__neon, ISA_NEON))
// dst [m][columns] f32 from wire rows of `dtype` at any alignment; i8 and u8 become
// (q - zero[c]) * scale[c]. Returns true if every value of dst is finite.
struct unpack {
	const float *scale, *zero; // [columns]; read for i8 and u8 only
	uint32_t columns;
};
struct unpack_kernel {
	const char *name;
	unsigned isa;
	bool (*run)(const struct unpack *unpack, enum row_dtype dtype, uint32_t m, const void *src,
		float *dst);
};

#define KERNELS_OF(operator_name, TABLE)                                                           \
	extern const struct operator_name##_kernel TABLE##_KERNELS[];                              \
	extern const uint32_t TABLE##_KERNELS_COUNT;                                               \
	const struct operator_name##_kernel *operator_name##_pick(unsigned isa_mask);
KERNELS_OF(activate, ACTIVATE)
KERNELS_OF(binary, BINARY)
KERNELS_OF(broadcast, BROADCAST)
KERNELS_OF(affine, AFFINE)
KERNELS_OF(prelu, PRELU)
KERNELS_OF(softmax, SOFTMAX)
KERNELS_OF(layer_norm, LAYER_NORM)
KERNELS_OF(normalizer, NORMALIZER)
KERNELS_OF(unpack, UNPACK)
#undef KERNELS_OF

#define X(name, isa) void name(const struct act *act, size_t count, const float *x, float *y);
ACTIVATE_LIST(X)
#undef X
#define X(name, isa)                                                                               \
	void name(const struct binary *binary, uint32_t m, const float *a, const float *b,         \
		float *y);
BINARY_LIST(X)
#undef X
#define X(name, isa)                                                                               \
	void name(const struct broadcast *broadcast, uint32_t m, const float *a, const float *b,   \
		float *y);
BROADCAST_LIST(X)
#undef X
#define X(name, isa) void name(const struct affine *affine, uint32_t m, const float *x, float *y);
AFFINE_LIST(X)
#undef X
#define X(name, isa) void name(const struct prelu *prelu, uint32_t m, const float *x, float *y);
PRELU_LIST(X)
#undef X
#define X(name, isa) void name(const struct softmax *softmax, uint32_t m, const float *x, float *y);
SOFTMAX_LIST(X)
#undef X
#define X(name, isa)                                                                               \
	void name(const struct layer_norm *layer_norm, uint32_t m, const float *x, float *y,       \
		float *mean, float *inv_std);
LAYER_NORM_LIST(X)
#undef X
#define X(name, isa)                                                                               \
	void name(const struct normalizer *normalizer, uint32_t m, const float *x, float *y);
NORMALIZER_LIST(X)
#undef X
#define X(name, isa)                                                                               \
	bool name(const struct unpack *unpack, enum row_dtype dtype, uint32_t m, const void *src,  \
		float *dst);
UNPACK_LIST(X)
#undef X
