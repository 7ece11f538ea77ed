// SPDX-License-Identifier: BSD-3-Clause
#include "infer/plan/choose/dense.h"
#include "infer/graph/arena.h"
#include "infer/plan/choose/choose.h"

#include <stdlib.h>

#define SAMPLE_NS 2000.0
// In a layer with so many weights, more than BIG_ROWS rows would take milliseconds a call.
#define BIG_WEIGHTS ((uint64_t)1 << 18)
#define BIG_ROWS    64

// The inputs and outputs that kernels are timed over.
struct dense_trial {
	const struct dense_layer *layer;
	uint32_t rows; // of x and y
	float *x, *y;  // NULL as long as nothing is timed
};

static size_t dense_trial_bytes(const void *context, const void *kernel)
{
	const struct dense_trial *trial = context;
	const struct dense_kernel *dense = kernel;

	return dense->packed_bytes(trial->layer->dense.k, trial->layer->dense.n);
}

static int dense_trial_pack(const void *context, const void *kernel, void *packed)
{
	const struct dense_layer *layer = ((const struct dense_trial *)context)->layer;
	const struct dense_kernel *dense = kernel;

	dense->pack(packed, layer->w, layer->b, layer->dense.k, layer->dense.n);
	return 0;
}

static bool dense_trial_same(const void *kernel, const void *other)
{
	return ((const struct dense_kernel *)kernel)->pack ==
		((const struct dense_kernel *)other)->pack;
}

static const struct packed_key *dense_trial_key(const void *context)
{
	return &((const struct dense_trial *)context)->layer->key;
}

static int dense_trial_ready(void *context)
{
	struct dense_trial *trial = context;
	const struct dense *dense = &trial->layer->dense;
	const size_t count = (size_t)trial->rows * (dense->k > dense->n ? dense->k : dense->n);

	trial->x = calloc(count, sizeof(float));
	trial->y = calloc(count, sizeof(float));
	for (size_t i = 0; trial->x && i < count; i++)
		trial->x[i] = (float)(int)(i * 2654435761u >> 8 & 0xffff) / 65536.0f - 0.25f;
	return trial->x && trial->y ? 0 : -ENOMEM;
}

static void dense_trial_call(void *context, const void *kernel, const void *packed, uint32_t rows)
{
	const struct dense_trial *trial = context;
	struct dense dense = trial->layer->dense;

	dense.packed = packed;
	((const struct dense_kernel *)kernel)
		->run(&dense, rows, trial->x, dense.k, trial->y, dense.n);
}

static const void *dense_trial_rule(const void *context, unsigned isa_mask, uint32_t batch_class)
{
	const struct dense *dense = &((const struct dense_trial *)context)->layer->dense;

	return dense_pick(isa_mask, MODEL_BATCH_CLASS[batch_class], dense->k, dense->n);
}

static unsigned dense_trial_order(const void *kernel)
{
	return dense_order(kernel);
}

// Which kernel is the fastest hangs by the dimensions, not by the weights: layers alike share a race.
static int dense_note_race(struct builder *builder, const struct packed_key *race,
	const struct chosen chosen[MODEL_BATCH_CLASSES])
{
	const struct chosen *kept =
		builder_params(builder, chosen, MODEL_BATCH_CLASSES * sizeof(*chosen));

	return kept ? builder_share(builder, race, kept) : builder->err->code;
}

static int dense_choose(struct builder *builder, const struct dense_layer *layer)
{
	static const struct contest_packing packing = { .bytes = dense_trial_bytes,
		.pack = dense_trial_pack,
		.same = dense_trial_same,
		.key = dense_trial_key };
	static const char FORM;
	const struct dense *dense = &layer->dense;
	struct dense_trial trial = { .layer = layer, .rows = MODEL_BATCH_MAX };
	struct contest contest = { .table = &DENSE_TABLE,
		.sample_ns = SAMPLE_NS,
		.context = &trial,
		.by_rule = dense_trial_rule,
		.ready = dense_trial_ready,
		.call = dense_trial_call,
		.packing = &packing,
		.order = dense_trial_order };
	struct chosen chosen[MODEL_BATCH_CLASSES];
	struct dense_choice choice[MODEL_BATCH_CLASSES];
	struct packed_key race = { .form = &FORM,
		.numbers = { dense->k, dense->n, layer->step->per_row } };
	int rc;

	if ((uint64_t)dense->k * dense->n >= BIG_WEIGHTS)
		trial.rows = BIG_ROWS;
	for (uint32_t c = 0; c <= batch_class_of(builder->plan->tile_rows); c++) {
		const uint64_t rows = (uint64_t)MODEL_BATCH_CLASS[c] * layer->step->per_row;

		contest.rows[c] = rows < trial.rows ? (uint32_t)rows : trial.rows;
	}
	contest.like = builder_packed(builder, &race);
	rc = choose(builder, layer->step, &contest, chosen);
	free(trial.x);
	free(trial.y);
	if (rc == 0 && !contest.like)
		rc = dense_note_race(builder, &race, chosen);
	if (rc != 0)
		return rc;
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++) {
		const struct dense_kernel *kernel = chosen[c].kernel;

		choice[c] = (struct dense_choice){ .dense = *dense, .run = kernel->run };
		choice[c].dense.packed = chosen[c].packed;
	}
	layer->step->choice = builder_params(builder, choice, sizeof(choice));
	return layer->step->choice ? 0 : builder->err->code;
}

int dense_choose_all(struct builder *builder)
{
	for (struct dense_layer *layer = builder->layers; layer; layer = layer->next) {
		int rc = dense_choose(builder, layer);

		arena_give_back(builder->plan->arena, layer->own); // big models need the memory
		layer->own = NULL;
		if (rc != 0)
			return error_prefix(builder->err, "node \"%s\"", layer->step->node);
	}
	return 0;
}

void dense_forget_all(struct builder *builder)
{
	while (builder->layers) {
		struct dense_layer *layer = builder->layers;

		builder->layers = layer->next;
		arena_give_back(builder->plan->arena, layer->own);
		free(layer);
	}
}
