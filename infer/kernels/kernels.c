// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/kernels.h"

const void *kernel_pick(const struct kernel_table *table, unsigned isa_mask)
{
	const void *best = NULL;

	for (uint32_t i = 0; i < table->count; i++) {
		const struct kernel *kernel = kernel_at(table, i);

		if (kernel_allowed(kernel->isa, isa_mask))
			best = kernel;
	}
	return best;
}
