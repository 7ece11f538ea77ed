// SPDX-License-Identifier: BSD-3-Clause
// Tree ensembles: for each class of batch sizes the kernel that is fastest here, by timing on rows
// that lie about the ensemble's own thresholds, where a way through a tree cannot be foreseen.
#include "infer/kernels/kernels.h"
#include "infer/kernels/trees/trees_kernels.h"
#include "infer/plan/choose/race.h"
#include "infer/plan/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_NS 20000.0
#define ROWS      MODEL_BATCH_MAX

struct trees_choice {
	const void *packed;
	void (*run)(
		const void *packed, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy);
};

struct trees_step {
	uint32_t n_features, n_targets;
	struct trees_choice choice[MODEL_BATCH_CLASSES];
};

struct candidate {
	const struct trees_kernel *kernel;
	void *packed; // to time with
	struct chooser *chooser;
	uint32_t row; // of the chooser's, that the next call begins with
};

struct chooser {
	struct builder *builder;
	struct trees trees;
	struct candidate candidates[KERNELS_MAX];
	uint32_t n_candidates;
	void *planned[KERNELS_MAX]; // by kernel's number: packed in the plan's memory
	float *rows, *outputs;      // NULL: by rule, or known
};

static void run_trees(const struct step *step, const struct pass *pass)
{
	const struct trees_step *trees = step->params;
	const struct trees_choice *choice = &trees->choice[pass->batch_class];

	choice->run(choice->packed, pass->n * step->per_row, buffer_at(pass, &step->x),
		trees->n_features, buffer_at(pass, &step->y), trees->n_targets);
}

static bool make_rows(struct chooser *c)
{
	c->rows = calloc((size_t)ROWS * c->trees.n_features, sizeof(float));
	c->outputs = calloc((size_t)ROWS * c->trees.n_targets, sizeof(float));
	return c->rows && c->outputs && trees_draw_rows(&c->trees, ROWS, c->rows) == 0;
}

// --- Choosing -----------------------------------------------------------------------------------

static size_t aligned(size_t bytes)
{
	return (bytes + KERNEL_ALIGN - 1) & ~(size_t)(KERNEL_ALIGN - 1);
}

static size_t packed_bytes(const struct chooser *c, const struct trees_kernel *kernel)
{
	const size_t bytes = kernel->packed_bytes(&c->trees);

	return bytes <= PLAN_WEIGHTS_BYTES_MAX ? bytes : 0;
}

// What may run. The reference (the first kernel) only where there is no other.
static void find_candidates(struct chooser *c)
{
	const unsigned isa_mask = c->builder->plan->isa_mask;

	for (uint32_t i = TREES_TABLE.count; i-- > 0;) {
		const struct trees_kernel *kernel = &TREES_KERNELS[i];
		struct candidate *candidate = &c->candidates[c->n_candidates];
		size_t bytes;

		if (!kernel_allowed(kernel->isa, isa_mask) || (i == 0 && c->n_candidates > 0))
			continue;
		bytes = packed_bytes(c, kernel);
		*candidate = (struct candidate){ .kernel = kernel, .chooser = c };
		candidate->packed = bytes ? aligned_alloc(KERNEL_ALIGN, aligned(bytes)) : NULL;
		if (candidate->packed && kernel->pack(candidate->packed, &c->trees) == 0) {
			c->n_candidates++;
		} else {
			free(candidate->packed);
			candidate->packed = NULL;
		}
	}
}

// Each call over other rows.
static void call(void *context, uint32_t m)
{
	struct candidate *candidate = context;
	const struct chooser *c = candidate->chooser;
	const uint32_t k = c->trees.n_features, n = c->trees.n_targets;

	candidate->kernel->run(
		candidate->packed, m, c->rows + (size_t)candidate->row * k, k, c->outputs, n);
	candidate->row = candidate->row + 2 * m <= ROWS ? candidate->row + m : 0;
}

static const struct trees_kernel *fastest(struct chooser *c, uint32_t m)
{
	struct racer racers[KERNELS_MAX];

	for (uint32_t i = 0; i < c->n_candidates; i++) {
		c->candidates[i].row = 0;
		racers[i] = (struct racer){ .call = call, .context = &c->candidates[i] };
	}
	if (c->n_candidates == 0)
		return NULL;
	return c->candidates[race(racers, c->n_candidates, m, SAMPLE_NS)].kernel;
}

static const struct trees_kernel *by_rule(const struct chooser *c, uint32_t m)
{
	const struct trees_kernel *kernel = NULL;

	for (uint32_t nth = 0; (kernel = trees_pick(c->builder->plan->isa_mask, m, nth)); nth++) {
		if (packed_bytes(c, kernel) != 0)
			return kernel;
	}
	return NULL;
}

// What an earlier opening of the image chose for the class; NULL: nothing that is known here.
static const struct trees_kernel *known(const struct chooser *c, uint32_t batch_class)
{
	const char *name = builder_known(c->builder, c->builder->step, batch_class);

	for (uint32_t i = 0; i < TREES_TABLE.count; i++) {
		if (TREES_KERNELS[i].name == name && packed_bytes(c, &TREES_KERNELS[i]) != 0)
			return &TREES_KERNELS[i];
	}
	return NULL;
}

// The ensemble as the kernel wants it, in the plan's memory.
static const void *plan_packed(struct chooser *c, const struct trees_kernel *kernel)
{
	void **planned = &c->planned[kernel - TREES_KERNELS];
	const size_t bytes = packed_bytes(c, kernel);

	for (uint32_t i = 0; i < TREES_TABLE.count && !*planned; i++) {
		if (TREES_KERNELS[i].pack == kernel->pack)
			*planned = c->planned[i];
	}
	if (!*planned && bytes) {
		*planned = builder_weights(c->builder, bytes);
		if (*planned && kernel->pack(*planned, &c->trees) != 0)
			*planned = NULL;
	}
	return *planned;
}

static int choose(struct chooser *c, struct trees_step *params)
{
	for (uint32_t k = 0; k < MODEL_BATCH_CLASSES; k++) {
		const uint64_t rows = (uint64_t)MODEL_BATCH_CLASS[k] * c->builder->step->per_row;
		const uint32_t m = rows < ROWS ? (uint32_t)rows : ROWS;
		const struct trees_kernel *kernel = known(c, k);

		if (!kernel && c->builder->no_timing)
			kernel = by_rule(c, m);
		if (!kernel && !c->rows && !c->builder->no_timing) {
			if (!make_rows(c))
				return error_set(
					c->builder->err, -ENOMEM, "no memory to time kernels");
			find_candidates(c);
		}
		if (!kernel && c->rows)
			kernel = fastest(c, m);
		params->choice[k].packed = kernel ? plan_packed(c, kernel) : NULL;
		if (!params->choice[k].packed)
			return error_set(c->builder->err, -ENOMEM, "no memory for the trees");
		params->choice[k].run = kernel->run;
		c->builder->step->kernel[k] = kernel->name;
	}
	return 0;
}

int build_trees(struct builder *builder)
{
	struct chooser c = { .builder = builder };
	struct step *step = builder->step;
	struct trees_step params = { 0 };
	const struct trees *t = &c.trees;
	int rc;

	trees_of_node(builder->graph, builder->node, &c.trees);
	params.n_features = t->n_features;
	params.n_targets = t->n_targets;
	builder->has_trees = true;
	step->run = run_trees;
	step->x = builder_input_buffer(builder, 0);
	step->per_row = (uint32_t)builder_output(builder, 0)->dims[0];
	rc = choose(&c, &params);
	for (uint32_t i = 0; i < c.n_candidates; i++)
		free(c.candidates[i].packed);
	free(c.rows);
	free(c.outputs);
	if (rc != 0)
		return rc;
	// What a walk down the trees would touch, were they balanced.
	step->macs = (uint64_t)step->per_row *
		(uint64_t)((double)t->n_trees * (1 + log2((double)t->n_leaves / t->n_trees + 1)));
	step->bytes_touched += step->macs * 8;
	snprintf(step->shape, sizeof(step->shape),
		"%" PRIu32 " -> %" PRIu32 ", %" PRIu32 " trees, %" PRIu32 " leaves", t->n_features,
		t->n_targets, t->n_trees, t->n_leaves);
	return builder_finish(builder, &params, sizeof(params));
}
