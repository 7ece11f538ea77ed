// SPDX-License-Identifier: BSD-3-Clause
// Which dense kernel, by measuring; and what each step takes, for people. The shortest of several
// runs counts: whatever disturbs a run makes it longer.
#include "infer/arena.h"
#include "infer/plan/plan.h"

#include <stdlib.h>
#include <string.h>

#define SAMPLES      5
#define SAMPLE_NS    4000.0   // calls are repeated until a sample takes this long
#define SLOW_CALL_NS 200000.0 // from here on one call decides
#define PACKINGS_MAX 8

struct packing {
	void (*pack)(void *packed, const float *w, const float *b, uint32_t k, uint32_t n);
	void *packed;
	bool used;
};

struct chooser {
	struct builder *builder;
	const float *w, *b;
	struct dense dense;
	struct packing packings[PACKINGS_MAX];
	float *x, *y; // rows to time with; NULL: by rule
	uint32_t rows_max;
};

static const struct packing *packing_of(struct chooser *chooser, const struct dense_kernel *kernel)
{
	const struct dense *dense = &chooser->dense;
	struct packing *packing = chooser->packings;
	size_t bytes = kernel->packed_bytes(dense->k, dense->n);

	while (packing->pack && packing->pack != kernel->pack)
		packing++;
	if (packing->pack)
		return packing;
	packing->packed = builder_weights(chooser->builder, bytes);
	if (!packing->packed)
		return NULL;
	packing->pack = kernel->pack;
	kernel->pack(packing->packed, chooser->w, chooser->b, dense->k, dense->n);
	return packing;
}

static double time_calls(const struct dense_kernel *kernel, const struct dense *dense,
	struct chooser *chooser, uint32_t m)
{
	double best = 1e300, start = plan_now_ns(), once;
	uint32_t calls;

	kernel->run(dense, m, chooser->x, dense->k, chooser->y, dense->n);
	once = plan_now_ns() - start;
	if (once > SLOW_CALL_NS)
		return once;
	calls = once > SAMPLE_NS ? 1 : (uint32_t)(SAMPLE_NS / (once < 50.0 ? 50.0 : once)) + 1;
	for (int s = 0; s < SAMPLES; s++) {
		double spent;

		start = plan_now_ns();
		for (uint32_t c = 0; c < calls; c++)
			kernel->run(dense, m, chooser->x, dense->k, chooser->y, dense->n);
		spent = (plan_now_ns() - start) / calls;
		best = spent < best ? spent : best;
	}
	return best;
}

static int choose_class(struct chooser *chooser, uint32_t klass, uint32_t per_row,
	struct dense_choice *choice, const char **name)
{
	unsigned mask = chooser->builder->plan->isa_mask;
	uint32_t rows = MODEL_BATCH_CLASS[klass];
	uint32_t m = rows * per_row < chooser->rows_max ? rows * per_row : chooser->rows_max;
	const struct dense_kernel *best =
		dense_pick(mask, rows, chooser->dense.k, chooser->dense.n);
	double best_ns = 1e300;
	const struct packing *packing;

	for (uint32_t i = 0; chooser->x && i < DENSE_KERNELS_COUNT; i++) {
		const struct dense_kernel *kernel = &DENSE_KERNELS[i];
		struct dense dense = chooser->dense;
		double ns;

		if (!dense_kernel_allowed(kernel, mask) || (i == 0 && best != kernel))
			continue; // the scalar one never wins where there is another
		packing = packing_of(chooser, kernel);
		if (!packing)
			return -ENOMEM;
		dense.packed = packing->packed;
		ns = time_calls(kernel, &dense, chooser, m);
		if (ns < best_ns) {
			best_ns = ns;
			best = kernel;
		}
	}
	packing = packing_of(chooser, best);
	if (!packing)
		return -ENOMEM;
	*choice = (struct dense_choice){ .dense = chooser->dense, .run = best->run };
	choice->dense.packed = packing->packed;
	*name = best->name;
	return 0;
}

int dense_choose(struct builder *builder, const float *w, const float *b, struct dense dense,
	uint32_t per_row, struct dense_choice *choice, const char **names)
{
	struct chooser chooser = { .builder = builder, .w = w, .b = b, .dense = dense };
	size_t values = dense.k > dense.n ? dense.k : dense.n;
	int rc = 0;

	chooser.rows_max = MODEL_BATCH_MAX;
	if ((uint64_t)dense.k * dense.n > (1 << 22)) // one call of a big one takes milliseconds
		chooser.rows_max = 64;
	if (!builder->no_timing) {
		size_t count = chooser.rows_max * values;

		chooser.x = calloc(count, sizeof(float));
		chooser.y = calloc(count, sizeof(float));
		for (size_t i = 0; chooser.x && i < count; i++)
			chooser.x[i] =
				(float)(int)(i * 2654435761u >> 8 & 0xffff) / 65536.0f - 0.25f;
		if (!chooser.x || !chooser.y)
			rc = error_set(builder->err, -ENOMEM, "no memory to time kernels");
	}
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES && rc == 0; c++)
		rc = choose_class(&chooser, c, per_row, &choice[c], &names[c]);
	free(chooser.x);
	free(chooser.y);
	return rc;
}

// --- What each step takes ------------------------------------------------------------------------

static void time_class(struct plan *plan, struct pass *pass)
{
	for (uint32_t s = 0; s < plan->n_steps; s++) {
		struct step *step = &plan->steps[s];
		double best = 1e300;

		for (int sample = 0; sample < SAMPLES; sample++) {
			uint32_t calls = pass->n < 16 ? 16 : 1;
			double start = plan_now_ns(), spent;

			for (uint32_t c = 0; c < calls; c++)
				step->run(step, pass);
			spent = (plan_now_ns() - start) / calls;
			best = spent < best ? spent : best;
			if (spent > SLOW_CALL_NS)
				break;
		}
		step->ns_per_row[pass->klass] = best / pass->n;
	}
}

int plan_time_steps(struct plan *plan, struct error *err)
{
	uint32_t most = plan->tile_rows;
	size_t columns = (size_t)plan->n_features + plan->n_columns_out;
	float *rows = calloc(most * columns, sizeof(float));
	size_t scratch_bytes = plan->row_bytes * most + 64;
	void *scratch = aligned_alloc(64, (scratch_bytes + 63) & ~(size_t)63);
	int rc = 0;

	if (!rows || !scratch) {
		rc = error_set(err, -ENOMEM, "no memory to time the plan");
		goto out;
	}
	memset(scratch, 0, scratch_bytes);
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++) {
		struct pass pass = { .base = { [PLACE_ROWS] = (char *)rows,
					     [PLACE_OUTPUTS] =
						     (char *)(rows + most * plan->n_features),
					     [PLACE_SCRATCH] = scratch },
			.n = MODEL_BATCH_CLASS[c] < most ? MODEL_BATCH_CLASS[c] : most,
			.klass = c };

		time_class(plan, &pass);
	}
out:
	free(rows);
	free(scratch);
	return rc;
}
