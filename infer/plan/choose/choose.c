// SPDX-License-Identifier: BSD-3-Clause
#include "infer/plan/choose/choose.h"
#include "base/align.h"
#include "infer/graph/arena.h"
#include "infer/plan/choose/race.h"

// A race repeats one kernel, but among other kernels the tiles of AMX cost more than they do there:
// with the winners of such races an int8 MLP 41-64-32-5 took 33 ns a row in batches of 64, without
// AMX 28. Hence a handicap.
#define TILES_HANDICAP 1.25
#define LEADING_CLASS  2 // index of MODEL_BATCH_CLASS

struct chooser {
	struct builder *builder;
	const struct step *step;
	const struct contest *contest;
	const void *leader; // of an exact model: all others have its order. NULL: there is none yet
	bool is_ready;
	void *trials[KERNELS_MAX];  // by the kernel's number: weights packed for timing, or NULL
	void *planned[KERNELS_MAX]; // the same in the plan's memory, of kernels that were chosen
};

struct chooser_entrant {
	const struct contest *contest;
	const struct kernel *kernel;
	const void *packed;
};

static uint32_t chooser_number(const struct chooser *chooser, const void *kernel)
{
	const struct kernel_table *table = chooser->contest->table;

	return (uint32_t)(((const char *)kernel - (const char *)table->kernels) /
		(ptrdiff_t)table->kernel_bytes);
}

// 0: the kernel cannot have its weights.
static size_t chooser_packed_bytes(const struct chooser *chooser, const void *kernel)
{
	const struct contest *contest = chooser->contest;
	const size_t bytes = contest->packing->bytes(contest->context, kernel);

	return bytes <= PLAN_WEIGHTS_BYTES_MAX ? bytes : 0;
}

static bool chooser_may_run(const struct chooser *chooser, const struct kernel *kernel)
{
	const struct contest *contest = chooser->contest;

	if (chooser->leader && contest->order(kernel) != contest->order(chooser->leader))
		return false;
	return kernel_allowed(kernel->isa, chooser->builder->plan->isa_mask) &&
		(!chooser->contest->packing || chooser_packed_bytes(chooser, kernel) > 0);
}

// The member of `packings` (indexed by kernel) in the form that the kernel reads; NULL: none yet.
static void *chooser_shared(
	const struct chooser *chooser, void *const *packings, const void *kernel)
{
	const struct contest *contest = chooser->contest;

	for (uint32_t i = 0; i < contest->table->count; i++) {
		if (packings[i] && contest->packing->same(kernel_at(contest->table, i), kernel))
			return packings[i];
	}
	return NULL;
}

// The weights to time a kernel with. NULL: no memory.
static const void *chooser_trial(struct chooser *chooser, const void *kernel)
{
	const struct contest *contest = chooser->contest;
	const size_t bytes = align_up(chooser_packed_bytes(chooser, kernel), KERNEL_ALIGN);
	void *packed = chooser_shared(chooser, chooser->trials, kernel);

	if (packed)
		return packed;
	packed = arena_lend(chooser->builder->plan->arena, bytes);
	if (packed && contest->packing->pack(contest->context, kernel, packed) != 0) {
		arena_give_back(chooser->builder->plan->arena, packed);
		return NULL;
	}
	chooser->trials[chooser_number(chooser, kernel)] = packed;
	return packed;
}

// The first kernel that reads the form which this one reads: it stands for that form.
static const void *chooser_form(const struct chooser *chooser, const void *kernel)
{
	const struct contest *contest = chooser->contest;
	uint32_t i = 0;

	while (!contest->packing->same(kernel_at(contest->table, i), kernel))
		i++; // it is the same as itself
	return kernel_at(contest->table, i);
}

// The weights of a kernel that was chosen. NULL with err filled: no memory.
static const void *chooser_weights(struct chooser *chooser, const void *kernel)
{
	const struct contest *contest = chooser->contest;
	const struct contest_packing *packing = contest->packing;
	const struct packed_key *constants = packing->key ? packing->key(contest->context) : NULL;
	struct packed_key key = constants ? *constants : (struct packed_key){ 0 };
	void *packed = chooser_shared(chooser, chooser->planned, kernel);
	const void *shared;

	if (packed)
		return packed;
	key.form = chooser_form(chooser, kernel);
	shared = constants ? builder_packed(chooser->builder, &key) : NULL;
	if (shared)
		return shared;
	packed = builder_weights(chooser->builder, chooser_packed_bytes(chooser, kernel));
	if (packed && packing->pack(contest->context, kernel, packed) != 0) {
		error_set(chooser->builder->err, -ENOMEM, "no memory for the weights");
		return NULL;
	}
	if (packed && constants && builder_share(chooser->builder, &key, packed) != 0)
		return NULL;
	chooser->planned[chooser_number(chooser, kernel)] = packed;
	return packed;
}

static void chooser_call(void *context, uint32_t rows)
{
	const struct chooser_entrant *entrant = context;

	entrant->contest->call(entrant->contest->context, entrant->kernel, entrant->packed, rows);
}

// Fills in the entrants of a race: all kernels that may run and whose weights fit in memory, the
// preferred ones first. Returns how many there are.
static uint32_t chooser_entrants(struct chooser *chooser, struct chooser_entrant *entrants)
{
	const struct contest *contest = chooser->contest;
	uint32_t count = 0;

	for (uint32_t i = contest->table->count; i-- > 0;) {
		const struct kernel *kernel = kernel_at(contest->table, i);
		const void *packed = NULL;

		if (!chooser_may_run(chooser, kernel) || (i == 0 && count > 0))
			continue;
		if (contest->packing) {
			packed = chooser_trial(chooser, kernel);
			if (!packed)
				continue;
		}
		entrants[count++] = (struct chooser_entrant){ contest, kernel, packed };
	}
	return count;
}

// NULL: no memory to find out.
static const void *chooser_fastest(struct chooser *chooser, uint32_t rows)
{
	const struct contest *contest = chooser->contest;
	struct chooser_entrant entrants[KERNELS_MAX];
	struct racer racers[KERNELS_MAX];
	uint32_t count;

	if (!chooser->is_ready && contest->ready(contest->context) != 0)
		return NULL;
	chooser->is_ready = true;
	count = chooser_entrants(chooser, entrants);
	for (uint32_t i = 0; i < count; i++) {
		racers[i] = (struct racer){ .call = chooser_call, .context = &entrants[i] };
		if (entrants[i].kernel->isa & (ISA_AMX_INT8 | ISA_AMX_BF16))
			racers[i].handicap = TILES_HANDICAP;
	}
	return count ? entrants[race(racers, count, rows, contest->sample_ns)].kernel : NULL;
}

// What an earlier opening of the image chose. NULL: nothing that is known here.
static const void *chooser_known(const struct chooser *chooser, uint32_t batch_class)
{
	const struct kernel_table *table = chooser->contest->table;
	const char *name = builder_known(chooser->builder, chooser->step, batch_class);

	for (uint32_t i = 0; name && i < table->count; i++) {
		const struct kernel *kernel = kernel_at(table, i);

		if (kernel->name == name && chooser_may_run(chooser, kernel)) // the table's string
			return kernel;
	}
	return NULL;
}

static const void *chooser_by_rule(const struct chooser *chooser, uint32_t batch_class)
{
	const struct contest *contest = chooser->contest;
	const unsigned isa_mask = chooser->builder->plan->isa_mask;
	const void *kernel;

	if (!contest->by_rule)
		return kernel_pick(contest->table, isa_mask);
	kernel = contest->by_rule(contest->context, isa_mask, batch_class);
	return chooser_may_run(chooser, kernel) ? kernel : chooser->leader;
}

static const void *chooser_choose(
	struct chooser *chooser, uint32_t batch_class, const struct chosen *before)
{
	const uint32_t *rows = chooser->contest->rows;
	const void *kernel;

	if (before && rows[batch_class] == 0)
		return before->kernel;
	kernel = chooser_known(chooser, batch_class);
	if (kernel)
		return kernel;
	if (chooser->contest->like &&
		chooser_may_run(chooser, chooser->contest->like[batch_class].kernel))
		return chooser->contest->like[batch_class].kernel;
	if (chooser->builder->no_timing)
		return chooser_by_rule(chooser, batch_class);
	if (before && rows[batch_class] == rows[batch_class - 1])
		return before->kernel;
	return chooser_fastest(chooser, rows[batch_class]);
}

// The class that decides on the order in which an exact model adds: batches of it, but of no more
// rows than occur. It decides by rule, since of two races one opening of the image could come to
// another order than the next.
static uint32_t chooser_leading_class(const struct contest *contest)
{
	uint32_t c = LEADING_CLASS;

	while (c > 0 && contest->rows[c] == 0)
		c--;
	return c;
}

unsigned choose_order_of_isa(const void *kernel)
{
	return ((const struct kernel *)kernel)->isa;
}

int choose(struct builder *builder, struct step *step, const struct contest *contest,
	struct chosen chosen[MODEL_BATCH_CLASSES])
{
	struct chooser chooser = { .builder = builder, .step = step, .contest = contest };
	int rc = 0;

	if (builder->exact && contest->order)
		chooser.leader = chooser_by_rule(&chooser, chooser_leading_class(contest));
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES && rc == 0; c++) {
		const struct kernel *kernel =
			chooser_choose(&chooser, c, c > 0 ? &chosen[c - 1] : NULL);

		if (!kernel) {
			rc = error_set(builder->err, -ENOMEM, "no memory to choose a kernel");
			break;
		}
		chosen[c] = (struct chosen){ .kernel = kernel };
		step->kernel[c] = kernel->name;
		if (!contest->packing)
			continue;
		chosen[c].packed = chooser_weights(&chooser, kernel);
		if (!chosen[c].packed)
			rc = builder->err->code;
	}
	for (uint32_t i = 0; i < KERNELS_MAX; i++)
		arena_give_back(builder->plan->arena, chooser.trials[i]);
	return rc;
}
