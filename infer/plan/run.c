// SPDX-License-Identifier: BSD-3-Clause
#include "infer/plan/plan.h"

const uint32_t MODEL_BATCH_CLASS[MODEL_BATCH_CLASSES] = { 1, 16, 64, 256 };

uint32_t plan_class_of(uint32_t n)
{
	return n < 4 ? 0 : n < 32 ? 1 : n < 128 ? 2 : 3;
}

void plan_run(const struct plan *plan, const float *rows, float *outputs, uint32_t n, void *scratch,
	uint32_t scratch_rows)
{
	const uint32_t tile = scratch_rows < plan->tile_rows ? scratch_rows : plan->tile_rows;
	struct pass pass = { .base = { [PLACE_ROWS] = (char *)(uintptr_t)rows,
				     [PLACE_OUTPUTS] = (char *)outputs,
				     [PLACE_SCRATCH] = scratch } };

	while (n > 0 && tile > 0) {
		pass.n = n < tile ? n : tile;
		pass.klass = plan_class_of(pass.n);
		for (uint32_t s = 0; s < plan->n_steps; s++)
			plan->steps[s].run(&plan->steps[s], &pass);
		pass.base[PLACE_ROWS] += (size_t)pass.n * plan->n_features * sizeof(float);
		pass.base[PLACE_OUTPUTS] += (size_t)pass.n * plan->n_columns_out * sizeof(float);
		n -= pass.n;
	}
}
