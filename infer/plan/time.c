// SPDX-License-Identifier: BSD-3-Clause
// What each step takes, for people. The shortest of several runs counts: whatever disturbs a run
// makes it longer.
#include "base/align.h"
#include "infer/plan/plan.h"
#include "infer/plan/step.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS         5
#define RUNS_FEW     3
#define SLOW_CALL_NS 200000.0 // from here on RUNS_FEW runs decide

double plan_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void plan_time_class(struct plan *plan, struct pass *pass, uint32_t batch_class)
{
	for (uint32_t s = 0; s < plan->n_steps; s++) {
		struct step *step = &plan->steps[s];
		double best = 1e300;

		for (int run = 0; run < RUNS; run++) {
			uint32_t calls = pass->n < 16 ? 16 : 1;
			double start = plan_now_ns(), spent;

			for (uint32_t c = 0; c < calls; c++)
				step->run(step, pass);
			spent = (plan_now_ns() - start) / calls;
			best = spent < best ? spent : best;
			if (best > SLOW_CALL_NS && run + 1 >= RUNS_FEW)
				break;
		}
		step->ns_per_row[batch_class] = best / pass->n;
	}
}

static bool plan_choices_fit(const struct plan *plan, const struct model_choices *known)
{
	return known && known->isa_mask == plan->isa_mask && known->n_steps == plan->n_steps;
}

struct model_choices *plan_choices(const struct plan *plan)
{
	struct model_choices *choices =
		malloc(sizeof(*choices) + plan->n_steps * sizeof(choices->steps[0]));

	if (!choices)
		return NULL;
	choices->isa_mask = plan->isa_mask;
	choices->n_steps = plan->n_steps;
	for (uint32_t s = 0; s < plan->n_steps; s++) {
		memcpy(choices->steps[s].kernel, plan->steps[s].kernel,
			sizeof(choices->steps[s].kernel));
		memcpy(choices->steps[s].ns_per_row, plan->steps[s].ns_per_row,
			sizeof(choices->steps[s].ns_per_row));
	}
	return choices;
}

int plan_time_steps(struct plan *plan, const struct model_choices *known, struct error *err)
{
	uint32_t most = plan->tile_rows;
	size_t columns = (size_t)plan->n_features + plan->n_columns_out;
	float *rows = calloc(most * columns, sizeof(float));
	size_t scratch_bytes = align_up(plan->row_bytes * most + 1, 64); // never 0
	void *scratch = aligned_alloc(64, scratch_bytes);
	int rc = 0;

	plan->timed = true;
	if (plan_choices_fit(plan, known)) {
		for (uint32_t s = 0; s < plan->n_steps; s++)
			memcpy(plan->steps[s].ns_per_row, known->steps[s].ns_per_row,
				sizeof(plan->steps[s].ns_per_row));
		goto out;
	}
	if (!rows || !scratch) {
		rc = error_set(err, -ENOMEM, "no memory to time the plan");
		goto out;
	}
	memset(scratch, 0, scratch_bytes);
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++) {
		struct pass pass = { .base = { [BUFFER_ROWS] = (char *)rows,
					     [BUFFER_OUTPUTS] =
						     (char *)(rows + most * plan->n_features),
					     [BUFFER_SCRATCH] = scratch },
			.n = MODEL_BATCH_CLASS[c] < most ? MODEL_BATCH_CLASS[c] : most };

		pass.batch_class = batch_class_of(pass.n);
		plan_time_class(plan, &pass, c);
	}
out:
	free(rows);
	free(scratch);
	return rc;
}
