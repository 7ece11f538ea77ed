// SPDX-License-Identifier: BSD-3-Clause
// Dense with bfloat16 weights, by the kernel that is fastest here for each class of batch sizes.
#include "infer/plan/steps/product_bf16.h"
#include "base/align.h"
#include "infer/graph/act.h"
#include "infer/graph/arena.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/product/bf16_dense.h"
#include "infer/kernels/product/dense.h"
#include "infer/plan/choose/choose.h"
#include "infer/plan/steps/layout.h"

#include <inttypes.h>
#include <stdlib.h>

#define SAMPLE_NS  5000.0
#define VALUES_MAX ((uint64_t)1 << 20) // most values of the rows that kernels are timed over

struct bf16_step {
	struct dense dense;
	const struct bf16_dense_kernel *kernel[MODEL_BATCH_CLASSES];
};

// The inputs and outputs that kernels are timed over.
struct bf16_trial {
	const struct dense *dense;
	uint32_t rows; // of x and y
	float *x, *y;
	void *scratch;
};

static void run_bf16(const struct step *step, const struct pass *pass)
{
	const struct bf16_step *bf16 = step->params;

	bf16->kernel[pass->batch_class]->run(&bf16->dense, pass->n * step->per_row,
		buffer_at(pass, &step->x), buffer_at(pass, &step->y),
		buffer_at(pass, &step->scratch));
}

static int bf16_trial_ready(void *context)
{
	struct bf16_trial *trial = context;
	const uint32_t k = trial->dense->k, n = trial->dense->n;
	const size_t scratch = trial->rows * bf16_dense_scratch_bytes(k);

	trial->x = calloc((size_t)trial->rows * k, sizeof(float));
	trial->y = calloc((size_t)trial->rows * n, sizeof(float));
	trial->scratch = aligned_alloc(KERNEL_ALIGN, align_up(scratch + 1, KERNEL_ALIGN));
	return trial->x && trial->y && trial->scratch ? 0 : -ENOMEM;
}

static void bf16_trial_call(void *context, const void *kernel, const void *packed, uint32_t rows)
{
	const struct bf16_dense_kernel *candidate = kernel;
	const struct bf16_trial *trial = context;

	candidate->run(trial->dense, rows, trial->x, trial->y, trial->scratch);
}

static int bf16_choose(struct builder *builder, struct bf16_step *bf16)
{
	const struct dense *dense = &bf16->dense;
	const uint64_t most = VALUES_MAX / (dense->k > dense->n ? dense->k : dense->n);
	struct bf16_trial trial = { .dense = dense };
	struct contest contest = { .table = &BF16_DENSE_TABLE,
		.sample_ns = SAMPLE_NS,
		.context = &trial,
		.ready = bf16_trial_ready,
		.call = bf16_trial_call };
	struct chosen chosen[MODEL_BATCH_CLASSES];
	int rc;

	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++) {
		const uint64_t rows = (uint64_t)MODEL_BATCH_CLASS[c] * builder->step->per_row;

		contest.rows[c] = rows <= most ? (uint32_t)rows : most ? (uint32_t)most : 1;
		trial.rows = contest.rows[c];
	}
	rc = choose(builder, builder->step, &contest, chosen);
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES && rc == 0; c++)
		bf16->kernel[c] = chosen[c].kernel;
	free(trial.x);
	free(trial.y);
	free(trial.scratch);
	return rc;
}

// The packed weights, in the order of an x that is channels last where it is. NULL with err filled.
static const void *bf16_pack(struct builder *builder, uint32_t k, uint32_t n)
{
	const struct tensor *b = builder_input(builder, 2);
	const uint16_t *from = builder_input(builder, 1)->data;
	void *packed = builder_weights(builder, bf16_dense_packed_bytes(k, n));
	float *w = arena_lend(builder->plan->arena, (size_t)k * n * sizeof(*w)), *transposed = NULL;

	for (size_t i = 0; w && i < (size_t)k * n; i++)
		w[i] = bf16_to(from[i]);
	if (w && layout_input_last(builder))
		transposed = layout_dense_weights(builder, w, k, n * sizeof(*w));
	if (!w || (layout_input_last(builder) && !transposed)) {
		error_set(builder->err, -ENOMEM, "no memory for the weights");
		packed = NULL;
	}
	if (packed)
		bf16_dense_pack(packed, transposed ? transposed : w, b ? b->data : NULL, k, n);
	arena_give_back(builder->plan->arena, transposed);
	arena_give_back(builder->plan->arena, w);
	return packed;
}

int build_bf16_dense(struct builder *builder)
{
	const struct tensor *w = builder_input(builder, 1);
	const uint32_t k = (uint32_t)w->dims[0], n = (uint32_t)w->dims[1];
	const struct act act = act_of_attributes(builder->node);
	struct bf16_step bf16 = { .dense = { .k = k, .n = n, .act = act } };
	struct step *step = builder->step;
	int rc;

	bf16.dense.packed = bf16_pack(builder, k, n);
	if (!bf16.dense.packed)
		return builder->err->code;
	step->run = run_bf16;
	step->x = builder_input_buffer(builder, 0);
	step->per_row = (uint32_t)(tensor_elements(builder_output(builder, 0)) / n);
	builder->scratch_bytes = step->per_row * bf16_dense_scratch_bytes(k);
	step->bytes_touched += bf16_dense_packed_bytes(k, n) + builder->scratch_bytes;
	step->macs = (uint64_t)step->per_row * k * n;
	snprintf(step->shape, sizeof(step->shape), "bfloat16 %" PRIu32 " -> %" PRIu32 "%s%s", k, n,
		act.kind != ACTIVATION_NONE ? " + " : "",
		act.kind != ACTIVATION_NONE ? activation_name(act.kind) : "");
	rc = bf16_choose(builder, &bf16);
	if (rc != 0)
		return rc;
	return builder_finish(builder, &bf16, sizeof(bf16));
}
