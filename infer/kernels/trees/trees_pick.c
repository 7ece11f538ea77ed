// SPDX-License-Identifier: BSD-3-Clause
// The table of tree kernels and the choice without timing.
#include "infer/kernels/kernels.h"
#include "infer/kernels/trees/trees_kernels.h"

KERNEL_TABLE_DEFINE(trees, TREES, KERNEL_ENTRY_PACKED)

unsigned trees_order(const struct trees_kernel *kernel)
{
	if (kernel->pack == trees_walk_pack || kernel->pack == trees_masks_pack)
		return 0;
	return 1 + (unsigned)(kernel - TREES_KERNELS); // sums of its own
}

// For batches the widest kernel first, for few rows the last one that is made for one row; then the
// others, the scalar ones last.
const struct trees_kernel *trees_pick(unsigned isa_mask, uint32_t m, uint32_t nth)
{
	for (uint32_t pass = 0; pass < 2; pass++) {
		for (uint32_t i = TREES_TABLE.count; i-- > 0;) {
			const struct trees_kernel *kernel = &TREES_KERNELS[i];
			const bool suits = (kernel->tile_rows > 1) == (m >= 16);

			if (!kernel_allowed(kernel->isa, isa_mask))
				continue;
			if ((i > 0 && suits) == (pass == 0) && nth-- == 0)
				return kernel;
		}
	}
	return NULL;
}
