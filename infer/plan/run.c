// SPDX-License-Identifier: BSD-3-Clause
#include "infer/plan/plan.h"
#include "infer/plan/step.h"

void plan_run(const struct plan *plan, const float *rows, float *outputs, uint32_t n, void *scratch,
	uint32_t scratch_rows)
{
	const uint32_t tile = scratch_rows < plan->tile_rows ? scratch_rows : plan->tile_rows;
	struct pass pass = { .base = { [BUFFER_ROWS] = (char *)(uintptr_t)rows,
				     [BUFFER_OUTPUTS] = (char *)outputs,
				     [BUFFER_SCRATCH] = scratch } };

	while (n > 0 && tile > 0) {
		pass.n = n < tile ? n : tile;
		pass.batch_class = batch_class_of(pass.n);
		for (uint32_t s = 0; s < plan->n_steps; s++)
			plan->steps[s].run(&plan->steps[s], &pass);
		pass.base[BUFFER_ROWS] += (size_t)pass.n * plan->n_features * sizeof(float);
		pass.base[BUFFER_OUTPUTS] += (size_t)pass.n * plan->n_columns_out * sizeof(float);
		n -= pass.n;
	}
}
