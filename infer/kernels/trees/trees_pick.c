// SPDX-License-Identifier: BSD-3-Clause
// The table of tree kernels and the choice without timing.
#include "infer/kernels/trees/trees_kernels.h"

const struct trees_kernel TREES_KERNELS[] = {
#define X(function, bits, rows, packing)                                                           \
	{ .name = #function,                                                                       \
		.isa = (bits),                                                                     \
		.tile_rows = (rows),                                                               \
		.packed_bytes = packing##_bytes,                                                   \
		.pack = packing##_pack,                                                            \
		.run = (function) },
	TREES_LIST(X)
#undef X
};
const uint32_t TREES_KERNELS_COUNT = (uint32_t)(sizeof(TREES_KERNELS) / sizeof(*TREES_KERNELS));
_Static_assert(sizeof(TREES_KERNELS) / sizeof(*TREES_KERNELS) <= TREES_KERNELS_MAX,
	"raise TREES_KERNELS_MAX");

// For batches the widest, for few rows the last one made for one; the scalar ones behind them.
const struct trees_kernel *trees_pick(unsigned isa_mask, uint32_t m, uint32_t nth)
{
	for (uint32_t pass = 0; pass < 2; pass++) {
		for (uint32_t i = TREES_KERNELS_COUNT; i-- > 0;) {
			const struct trees_kernel *kernel = &TREES_KERNELS[i];
			const bool suits = (kernel->tile_rows > 1) == (m >= 16);

			if (!kernel_allowed(kernel->isa, isa_mask & isa_detected()))
				continue;
			if ((i > 0 && suits) == (pass == 0) && nth-- == 0)
				return kernel;
		}
	}
	return NULL;
}
