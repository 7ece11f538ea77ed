// SPDX-License-Identifier: BSD-3-Clause
// Which kernel runs a dense layer, by measuring all that may.
#include "infer/plan/choose/dense.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/product/dense.h"
#include "infer/plan/choose/race.h"

#include <stdlib.h>

#define SAMPLE_NS    2000.0
#define PACKINGS_MAX 8

struct packing {
	void (*pack)(void *packed, const float *w, const float *b, uint32_t k, uint32_t n);
	size_t bytes;
	void *trial;  // to time with, freed afterwards
	void *packed; // the plan's, of winners only
};

struct candidate {
	const struct dense_kernel *kernel;
	struct dense dense;
	const float *x; // of the chooser
	float *y;
};

struct chooser {
	struct builder *builder;
	const struct dense_layer *layer;
	struct packing packings[PACKINGS_MAX];
	float *x, *y; // rows to time with; NULL: by rule, or known
	const struct dense_kernel *known[MODEL_BATCH_CLASSES]; // NULL: not from before
	uint32_t rows_max;                                     // that x and y have
};

static struct packing *packing_of(struct chooser *chooser, const struct dense_kernel *kernel)
{
	struct packing *packing = chooser->packings;

	while (packing->pack && packing->pack != kernel->pack)
		packing++;
	if (!packing->pack) {
		packing->pack = kernel->pack;
		packing->bytes =
			kernel->packed_bytes(chooser->layer->dense.k, chooser->layer->dense.n);
	}
	return packing;
}

// NULL: no memory, or more than a plan may have.
static const void *trial_weights(struct chooser *chooser, const struct dense_kernel *kernel)
{
	const struct dense_layer *layer = chooser->layer;
	struct packing *packing = packing_of(chooser, kernel);
	size_t bytes = (packing->bytes + KERNEL_ALIGN - 1) & ~(size_t)(KERNEL_ALIGN - 1);

	if (!packing->trial && bytes <= PLAN_WEIGHTS_BYTES_MAX) {
		packing->trial = aligned_alloc(KERNEL_ALIGN, bytes);
		if (packing->trial)
			kernel->pack(
				packing->trial, layer->w, layer->b, layer->dense.k, layer->dense.n);
	}
	return packing->trial;
}

// NULL with err filled: no memory for them.
static const void *plan_weights(struct chooser *chooser, const struct dense_kernel *kernel)
{
	const struct dense_layer *layer = chooser->layer;
	struct packing *packing = packing_of(chooser, kernel);

	if (!packing->packed) {
		packing->packed = builder_weights(chooser->builder, packing->bytes);
		if (packing->packed)
			kernel->pack(packing->packed, layer->w, layer->b, layer->dense.k,
				layer->dense.n);
	}
	return packing->packed;
}

static void call(void *context, uint32_t m)
{
	const struct candidate *candidate = context;
	const struct dense *dense = &candidate->dense;

	candidate->kernel->run(dense, m, candidate->x, dense->k, candidate->y, dense->n);
}

// What may run and has memory. The scalar kernel (the first) never wins where there is another.
static uint32_t candidates_find(struct chooser *chooser, struct candidate *candidates)
{
	const unsigned isa_mask = chooser->builder->plan->isa_mask;
	uint32_t count = 0;

	for (uint32_t i = DENSE_TABLE.count; i-- > 0;) {
		const struct dense_kernel *kernel = &DENSE_KERNELS[i];
		struct candidate *candidate = &candidates[count];

		if (!kernel_allowed(kernel->isa, isa_mask) || (i == 0 && count > 0))
			continue;
		*candidate = (struct candidate){ .kernel = kernel,
			.dense = chooser->layer->dense,
			.x = chooser->x,
			.y = chooser->y };
		candidate->dense.packed = trial_weights(chooser, kernel);
		count += candidate->dense.packed != NULL;
	}
	return count;
}

// The fastest kernel for m rows, NULL without memory for any.
static const struct dense_kernel *fastest(struct chooser *chooser, uint32_t m)
{
	struct candidate candidates[KERNELS_MAX];
	struct racer racers[KERNELS_MAX];
	uint32_t count = candidates_find(chooser, candidates);

	for (uint32_t i = 0; i < count; i++)
		racers[i] = (struct racer){ .call = call, .context = &candidates[i] };
	return count ? candidates[race(racers, count, m, SAMPLE_NS)].kernel : NULL;
}

static int choose_classes(struct chooser *chooser, struct dense_choice *choice)
{
	const struct plan *plan = chooser->builder->plan;
	const struct dense *dense = &chooser->layer->dense;
	struct step *step = chooser->layer->step;
	const struct dense_kernel *best = NULL;
	uint32_t timed = 0;

	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++) {
		uint32_t m = MODEL_BATCH_CLASS[c] * step->per_row;

		m = m < chooser->rows_max ? m : chooser->rows_max;
		if (c > batch_class_of(plan->tile_rows))
			m = timed;
		else if (chooser->known[c])
			best = chooser->known[c];
		else if (!chooser->x)
			best = dense_pick(plan->isa_mask, MODEL_BATCH_CLASS[c], dense->k, dense->n);
		else if (m != timed)
			best = fastest(chooser, m);
		timed = m;
		if (!best)
			return error_set(
				chooser->builder->err, -ENOMEM, "no memory to time kernels");
		choice[c] = (struct dense_choice){ .dense = *dense, .run = best->run };
		choice[c].dense.packed = plan_weights(chooser, best);
		if (!choice[c].dense.packed)
			return -ENOMEM;
		step->kernel[c] = best->name;
	}
	return 0;
}

static const struct dense_kernel *kernel_of_name(const char *name)
{
	for (uint32_t i = 0; i < DENSE_TABLE.count; i++)
		if (DENSE_KERNELS[i].name == name) // the table's own string, see plan_choices()
			return &DENSE_KERNELS[i];
	return NULL;
}

// The kernels that an earlier opening of the image chose; false where one is missing.
static bool find_known(struct chooser *chooser)
{
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++) {
		chooser->known[c] =
			kernel_of_name(builder_known(chooser->builder, chooser->layer->step, c));
		if (!chooser->known[c])
			return false;
	}
	return true;
}

static bool rows_to_time_with(struct chooser *chooser)
{
	const struct dense *dense = &chooser->layer->dense;
	size_t values = dense->k > dense->n ? dense->k : dense->n, count;

	chooser->rows_max = MODEL_BATCH_MAX;
	if ((uint64_t)dense->k * dense->n >= (1 << 18)) // more rows of big ones take milliseconds
		chooser->rows_max = 64;
	count = chooser->rows_max * values;
	chooser->x = calloc(count, sizeof(float));
	chooser->y = calloc(count, sizeof(float));
	for (size_t i = 0; chooser->x && i < count; i++)
		chooser->x[i] = (float)(int)(i * 2654435761u >> 8 & 0xffff) / 65536.0f - 0.25f;
	return chooser->x && chooser->y;
}

static int choose(struct builder *builder, const struct dense_layer *layer)
{
	struct chooser chooser = { .builder = builder, .layer = layer, .rows_max = UINT32_MAX };
	struct dense_choice choice[MODEL_BATCH_CLASSES] = { 0 };
	int rc;

	if (find_known(&chooser) || builder->no_timing || rows_to_time_with(&chooser))
		rc = choose_classes(&chooser, choice);
	else
		rc = error_set(builder->err, -ENOMEM, "no memory to time kernels");
	for (uint32_t i = 0; i < PACKINGS_MAX; i++)
		free(chooser.packings[i].trial);
	free(chooser.x);
	free(chooser.y);
	if (rc != 0)
		return rc;
	layer->step->choice = builder_params(builder, choice, sizeof(choice));
	return layer->step->choice ? 0 : -ENOMEM;
}

int dense_choose_all(struct builder *builder)
{
	for (const struct dense_layer *layer = builder->layers; layer; layer = layer->next) {
		int rc = choose(builder, layer);

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
		free(layer->own);
		free(layer);
	}
}
