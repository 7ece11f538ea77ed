// SPDX-License-Identifier: BSD-3-Clause
#include "infer/plan/choose/contest.h"

#include "infer/kernels/kernels.h"
#include "infer/plan/choose/race.h"

#include <assert.h>

// A race repeats one kernel. Between others the tiles of AMX cost more than that tells: an int8 MLP
// 41-64-32-5 by the kernels that won took 33 ns a row of 64, by the others 28.
#define TILES_HANDICAP 1.25

struct kernel_head {
	const char *name;
	unsigned isa;
};

struct entrant {
	const struct contest *contest;
	const struct kernel_head *kernel;
};

static const struct kernel_head *contest_kernel(const struct contest *contest, uint32_t i)
{
	return (const void *)((const char *)contest->kernels + i * contest->kernel_bytes);
}

static void call(void *context, uint32_t rows)
{
	const struct entrant *entrant = context;

	entrant->contest->call(entrant->contest->context, entrant->kernel, rows);
}

// The scalar kernel (the first) only where there is no other.
static const struct kernel_head *fastest(
	const struct contest *contest, unsigned isa_mask, uint32_t rows)
{
	struct entrant entrants[KERNELS_MAX];
	struct racer racers[KERNELS_MAX];
	uint32_t count = 0;

	assert(contest->count <= KERNELS_MAX);
	for (uint32_t i = contest->count; i-- > 0;) {
		const struct kernel_head *kernel = contest_kernel(contest, i);

		if (!kernel_allowed(kernel->isa, isa_mask) || (i == 0 && count > 0))
			continue;
		entrants[count] = (struct entrant){ contest, kernel };
		racers[count] = (struct racer){ .call = call, .context = &entrants[count] };
		if (kernel->isa & (ISA_AMX_INT8 | ISA_AMX_BF16))
			racers[count].handicap = TILES_HANDICAP;
		count++;
	}
	return entrants[race(racers, count, rows, contest->sample_ns)].kernel;
}

static const struct kernel_head *by_rule(const struct contest *contest, unsigned isa_mask)
{
	uint32_t i = contest->count - 1;

	while (i > 0 && !kernel_allowed(contest_kernel(contest, i)->isa, isa_mask))
		i--;
	return contest_kernel(contest, i);
}

static const struct kernel_head *of_name(const struct contest *contest, const char *name)
{
	for (uint32_t i = 0; i < contest->count; i++) {
		if (contest_kernel(contest, i)->name == name) // its own string, see plan_choices()
			return contest_kernel(contest, i);
	}
	return NULL;
}

int contest_choose(struct builder *builder, const struct contest *contest,
	const uint32_t rows[MODEL_BATCH_CLASSES], const void *chosen[MODEL_BATCH_CLASSES])
{
	const unsigned isa_mask = builder->plan->isa_mask;
	bool is_ready = false;

	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++) {
		const struct kernel_head *kernel =
			of_name(contest, builder_known(builder, builder->step, c));

		if (!kernel && builder->no_timing)
			kernel = by_rule(contest, isa_mask);
		if (!kernel && c > 0 && rows[c] == rows[c - 1])
			kernel = chosen[c - 1];
		if (!kernel && !is_ready && contest->ready(contest->context) != 0)
			return error_set(builder->err, -ENOMEM, "no memory to time kernels");
		if (!kernel) {
			is_ready = true;
			kernel = fastest(contest, isa_mask, rows[c]);
		}
		chosen[c] = kernel;
		builder->step->kernel[c] = kernel->name;
	}
	return 0;
}
