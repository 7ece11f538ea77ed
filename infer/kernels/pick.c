// SPDX-License-Identifier: BSD-3-Clause
// The tables of kernels, made from the lists in kernels.h, and the choice without timing.
#include "infer/kernels/kernels.h"

#define N_OF(table) ((uint32_t)(sizeof(table) / sizeof((table)[0])))

const struct dense_kernel DENSE_KERNELS[] = {
#define X(function, bits, rows, packing)                                                           \
	{ .name = #function,                                                                       \
		.isa = (bits),                                                                     \
		.tile_rows = (rows),                                                               \
		.packed_bytes = packing##_bytes,                                                   \
		.pack = packing##_pack,                                                            \
		.run = (function) },
	DENSE_LIST(X)
#undef X
};
const uint32_t DENSE_KERNELS_COUNT = N_OF(DENSE_KERNELS);
_Static_assert(N_OF(DENSE_KERNELS) <= DENSE_KERNELS_MAX, "raise DENSE_KERNELS_MAX");

const struct dense_kernel *dense_pick(unsigned isa_mask, uint32_t m, uint32_t k, uint32_t n)
{
	const struct dense_kernel *best = &DENSE_KERNELS[0];

	for (uint32_t i = 1; i < DENSE_KERNELS_COUNT; i++) {
		const struct dense_kernel *kernel = &DENSE_KERNELS[i];

		if (!kernel_allowed(kernel->isa, isa_mask & isa_detected()))
			continue;
		// Few rows want a kernel made for one; up to 8 columns fill half of a 16-wide one.
		if (m == 1 ? kernel->tile_rows == 1
			   : (n > 8 || kernel->pack == dense_panel16k2_pack ||
				     !(best->isa & ISA_AVX512)))
			best = kernel;
	}
	return best;
}

#define TABLE(operator_name, NAME, LIST)                                                           \
	const struct operator_name##_kernel NAME##_KERNELS[] = { LIST(ENTRY) };                    \
	const uint32_t NAME##_KERNELS_COUNT = N_OF(NAME##_KERNELS);                                \
	const struct operator_name##_kernel *operator_name##_pick(unsigned isa_mask)               \
	{                                                                                          \
		const struct operator_name##_kernel *best = NAME##_KERNELS;                        \
                                                                                                   \
		for (uint32_t i = 1; i < NAME##_KERNELS_COUNT; i++)                                \
			if (kernel_allowed(NAME##_KERNELS[i].isa, isa_mask & isa_detected()))      \
				best = &NAME##_KERNELS[i];                                         \
		return best;                                                                       \
	}
#define ENTRY(function, bits) { .name = #function, .isa = (bits), .run = (function) },

TABLE(activate, ACTIVATE, ACTIVATE_LIST)
TABLE(binary, BINARY, BINARY_LIST)
TABLE(broadcast, BROADCAST, BROADCAST_LIST)
TABLE(affine, AFFINE, AFFINE_LIST)
TABLE(prelu, PRELU, PRELU_LIST)
TABLE(softmax, SOFTMAX, SOFTMAX_LIST)
TABLE(layer_norm, LAYER_NORM, LAYER_NORM_LIST)
TABLE(normalizer, NORMALIZER, NORMALIZER_LIST)
TABLE(unpack, UNPACK, UNPACK_LIST)
