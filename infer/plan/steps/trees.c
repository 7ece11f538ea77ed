// SPDX-License-Identifier: BSD-3-Clause
// Tree ensembles: for each class of batch sizes the kernel that is fastest here, by timing on rows
// near the ensemble's own thresholds, for which a CPU cannot predict the branches.
#include "infer/plan/steps/trees.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/trees/trees_kernels.h"
#include "infer/plan/choose/choose.h"

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

// The inputs and outputs that kernels are timed over.
struct trees_trial {
	const struct trees *trees;
	uint32_t per_row;      // of the step
	float *rows, *outputs; // [ROWS]
	uint32_t row;          // that the next call begins with
};

static void run_trees(const struct step *step, const struct pass *pass)
{
	const struct trees_step *trees = step->params;
	const struct trees_choice *choice = &trees->choice[pass->batch_class];

	choice->run(choice->packed, pass->n * step->per_row, buffer_at(pass, &step->x),
		trees->n_features, buffer_at(pass, &step->y), trees->n_targets);
}

// --- Choosing -----------------------------------------------------------------------------------

static size_t trees_trial_bytes(const void *context, const void *kernel)
{
	const struct trees_trial *trial = context;

	return ((const struct trees_kernel *)kernel)->packed_bytes(trial->trees);
}

static int trees_trial_pack(const void *context, const void *kernel, void *packed)
{
	const struct trees_trial *trial = context;

	return ((const struct trees_kernel *)kernel)->pack(packed, trial->trees);
}

static bool trees_trial_same(const void *kernel, const void *other)
{
	return ((const struct trees_kernel *)kernel)->pack ==
		((const struct trees_kernel *)other)->pack;
}

static int trees_trial_ready(void *context)
{
	struct trees_trial *trial = context;
	const struct trees *trees = trial->trees;

	trial->rows = calloc((size_t)ROWS * trees->n_features, sizeof(float));
	trial->outputs = calloc((size_t)ROWS * trees->n_targets, sizeof(float));
	if (!trial->rows || !trial->outputs)
		return -ENOMEM;
	return trees_draw_rows(trees, ROWS, trial->rows);
}

// Each call scores other rows than the one before.
static void trees_trial_call(void *context, const void *kernel, const void *packed, uint32_t rows)
{
	struct trees_trial *trial = context;
	const uint32_t k = trial->trees->n_features, n = trial->trees->n_targets;

	// The call before may have been of a smaller batch.
	trial->row = trial->row + rows <= ROWS ? trial->row : 0;
	((const struct trees_kernel *)kernel)
		->run(packed, rows, trial->rows + (size_t)trial->row * k, k, trial->outputs, n);
	trial->row += rows;
}

static uint32_t trees_trial_rows(const struct trees_trial *trial, uint32_t batch_class)
{
	const uint64_t rows = (uint64_t)MODEL_BATCH_CLASS[batch_class] * trial->per_row;

	return rows < ROWS ? (uint32_t)rows : ROWS;
}

static const void *trees_trial_rule(const void *context, unsigned isa_mask, uint32_t batch_class)
{
	const struct trees_trial *trial = context;
	const uint32_t m = trees_trial_rows(trial, batch_class);
	const struct trees_kernel *kernel;
	uint32_t nth = 0;

	do
		kernel = trees_pick(isa_mask, m, nth++);
	while (kernel && kernel->packed_bytes(trial->trees) == 0);
	return kernel;
}

static unsigned trees_trial_order(const void *kernel)
{
	return trees_order(kernel);
}

static int trees_choose(
	struct builder *builder, const struct trees *trees, struct trees_choice *choice)
{
	static const struct contest_packing packing = {
		.bytes = trees_trial_bytes, .pack = trees_trial_pack, .same = trees_trial_same
	};
	struct trees_trial trial = { .trees = trees, .per_row = builder->step->per_row };
	struct contest contest = { .table = &TREES_TABLE,
		.sample_ns = SAMPLE_NS,
		.context = &trial,
		.by_rule = trees_trial_rule,
		.ready = trees_trial_ready,
		.call = trees_trial_call,
		.packing = &packing,
		.order = trees_trial_order };
	struct chosen chosen[MODEL_BATCH_CLASSES];
	int rc;

	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++)
		contest.rows[c] = trees_trial_rows(&trial, c);
	rc = choose(builder, builder->step, &contest, chosen);
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES && rc == 0; c++) {
		choice[c].run = ((const struct trees_kernel *)chosen[c].kernel)->run;
		choice[c].packed = chosen[c].packed;
	}
	free(trial.rows);
	free(trial.outputs);
	return rc;
}

int build_trees(struct builder *builder)
{
	struct step *step = builder->step;
	struct trees_step params = { 0 };
	struct trees trees;
	const struct trees *t = &trees;
	int rc;

	trees_of_node(builder->graph, builder->node, &trees);
	params.n_features = t->n_features;
	params.n_targets = t->n_targets;
	builder->has_trees = true;
	step->run = run_trees;
	step->x = builder_input_buffer(builder, 0);
	step->per_row = (uint32_t)builder_output(builder, 0)->dims[0];
	rc = trees_choose(builder, t, params.choice);
	if (rc != 0)
		return rc;
	// The bytes that a walk down the trees reads if they are balanced.
	step->macs = (uint64_t)step->per_row *
		(uint64_t)((double)t->n_trees * (1 + log2((double)t->n_leaves / t->n_trees + 1)));
	step->bytes_touched += step->macs * 8;
	snprintf(step->shape, sizeof(step->shape),
		"%" PRIu32 " -> %" PRIu32 ", %" PRIu32 " trees, %" PRIu32 " leaves", t->n_features,
		t->n_targets, t->n_trees, t->n_leaves);
	return builder_finish(builder, &params, sizeof(params));
}
