// SPDX-License-Identifier: BSD-3-Clause
// Quantisation by scales that are found while a model runs, a row at a time: DynamicQuantizeLinear,
// and the product of such rows, DynamicQDense, by the kernel that is fastest here for each class of
// batch sizes.
#include "infer/plan/steps/quantise_dynamic.h"
#include "infer/graph/act.h"
#include "infer/kernels/elementwise/activate.h"
#include "infer/kernels/quantise/quantise.h"
#include "infer/plan/steps/quantise.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

// --- DynamicQuantizeLinear ----------------------------------------------------------------------

static void run_dynamic_quantise(const struct step *step, const struct pass *pass)
{
	const struct dynamic_quantise_kernel *kernel = step->kernel_run;

	kernel->run(pass->n, step->per_row, buffer_at(pass, &step->x), buffer_at(pass, &step->y),
		buffer_at(pass, &step->y2), buffer_at(pass, &step->y3));
}

int build_dynamic_quantise(struct builder *builder)
{
	const struct dynamic_quantise_kernel *kernel =
		dynamic_quantise_pick(builder->plan->isa_mask);
	struct step *step = builder->step;

	if (builder->node->outputs[0] == GRAPH_NONE || !step->has_y2 || !step->has_y3)
		return -ENOTSUP; // the plain form takes it
	step->run = run_dynamic_quantise;
	step->x = builder_input_buffer(builder, 0);
	step->per_row = (uint32_t)tensor_elements(builder_input(builder, 0));
	step->kernel_run = kernel;
	step->bytes_touched += step->y2.row_bytes + step->y3.row_bytes;
	snprintf(step->shape, sizeof(step->shape), "%" PRIu32 " to %s", step->per_row,
		dtype_name(DTYPE_U8));
	step_set_kernel(step, kernel->name);
	return 0;
}

// --- DynamicQDense ------------------------------------------------------------------------------

struct dynamic_step {
	struct qdense dense;
	struct qdense_epilogue epilogue;
	struct act act; // what the epilogue cannot do; ACTIVATION_NONE: nothing is left
	struct buffer scale, zero;
	bool has_zero;
	const struct qdense_kernel *kernel[MODEL_BATCH_CLASSES];
	const struct activate_kernel *activate;
};

static void run_dynamic_qdense(const struct step *step, const struct pass *pass)
{
	const struct dynamic_step *q = step->params;
	const struct qdense_kernel *kernel = q->kernel[pass->batch_class];
	const uint8_t *x = buffer_at(pass, &step->x);
	const uint32_t per_row = step->per_row, m = pass->n * per_row;
	float *y = buffer_at(pass, &step->y);
	struct qdense_rows rows = { .scale = buffer_at(pass, &q->scale),
		.zero = q->has_zero ? buffer_at(pass, &q->zero) : NULL,
		.scale_step = q->scale.row_bytes != 0,
		.zero_step = q->has_zero && q->zero.row_bytes != 0 };

	if (per_row == 1)
		kernel->run(&q->dense, m, x, &rows, y);
	for (uint32_t i = 0; i < pass->n && per_row > 1; i++) {
		const struct qdense_rows one = { .scale = rows.scale + i * rows.scale_step,
			.zero = rows.zero ? rows.zero + i * rows.zero_step : NULL };

		kernel->run(&q->dense, per_row, x + (size_t)i * per_row * q->dense.k, &one,
			y + (size_t)i * per_row * q->dense.n);
	}
	if (q->act.kind != ACTIVATION_NONE)
		q->activate->run(&q->act, (size_t)m * q->dense.n, y, y);
}

// An activation that only bounds its values is left to the epilogue.
static void dynamic_set_activation(const struct builder *builder, struct dynamic_step *q)
{
	q->act = act_of_attributes(builder->node);
	q->epilogue.low = -INFINITY;
	q->epilogue.high = INFINITY;
	if (q->act.kind == ACTIVATION_RELU) {
		q->epilogue.low = 0;
		q->act.kind = ACTIVATION_NONE;
	} else if (q->act.kind == ACTIVATION_CLIP) {
		q->epilogue.low = q->act.alpha;
		q->epilogue.high = q->act.beta;
		q->act.kind = ACTIVATION_NONE;
	}
	q->activate = activate_pick(builder->plan->isa_mask);
}

static int dynamic_pack(struct builder *builder, struct dynamic_step *q)
{
	const int8_t *w = builder_input(builder, 1)->data;
	const struct tensor *w_zero = builder_input(builder, 6);
	const uint32_t k = q->dense.k, n = q->dense.n;
	const size_t padded = (size_t)qdense_padded(n) * sizeof(float);
	void *packed = builder_weights(builder, qdense_packed_bytes(k, n));
	int32_t *sums = packed ? builder_weights(builder, padded) : NULL;
	float *bias = sums ? builder_weights(builder, padded) : NULL;
	int32_t *zeros = bias && w_zero ? builder_weights(builder, padded) : NULL;

	if (!bias || (w_zero && !zeros))
		return builder->err->code;
	qdense_pack(&q->dense, packed, w, NULL, builder_input(builder, 2)->data);
	q->dense.packed = packed;
	memset(sums, 0, padded);
	memset(bias, 0, padded);
	memcpy(bias, builder_input(builder, 3)->data, n * sizeof(*bias));
	if (w_zero) {
		memset(zeros, 0, padded);
		memcpy(zeros, w_zero->data, n * sizeof(*zeros));
	}
	for (uint32_t c = 0; c < n; c++) {
		uint32_t sum = 0;

		for (uint32_t i = 0; i < k; i++)
			sum += (uint32_t)w[(size_t)i * n + c];
		sums[c] = (int32_t)(sum - (w_zero ? k * (uint32_t)zeros[c] : 0));
	}
	q->epilogue.zero_sums = sums;
	q->epilogue.w_zeros = zeros;
	q->epilogue.bias = bias;
	return 0;
}

int build_dynamic_qdense(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0), *w = builder_input(builder, 1);
	struct dynamic_step made = { .dense = { .k = (uint32_t)w->dims[0],
					     .n = (uint32_t)w->dims[1],
					     .x_signed = x->dtype == DTYPE_I8,
					     .to = DTYPE_F32 } };
	struct dynamic_step *q = builder_params(builder, &made, sizeof(made));
	struct step *step = builder->step;
	uint32_t rows[MODEL_BATCH_CLASSES];

	if (!q)
		return builder->err->code;
	dynamic_set_activation(builder, q);
	if (dynamic_pack(builder, q) != 0)
		return builder->err->code;
	q->dense.epilogue = &q->epilogue;
	q->scale = builder_input_buffer(builder, 4);
	q->has_zero = builder_input(builder, 5) != NULL;
	if (q->has_zero)
		q->zero = builder_input_buffer(builder, 5);
	step->run = run_dynamic_qdense;
	step->params = q;
	step->x = builder_input_buffer(builder, 0);
	step->per_row = (uint32_t)(tensor_elements(builder_output(builder, 0)) / w->dims[1]);
	step->bytes_touched += qdense_packed_bytes(q->dense.k, q->dense.n);
	step->macs = (uint64_t)step->per_row * q->dense.k * q->dense.n;
	snprintf(step->shape, sizeof(step->shape), "%s %" PRIu32 " -> %s %" PRIu32,
		dtype_name(x->dtype), q->dense.k, dtype_name(DTYPE_F32), q->dense.n);
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++)
		rows[c] = step->per_row * (step->per_row == 1 ? MODEL_BATCH_CLASS[c] : 1);
	return qdense_choose(builder, &q->dense, rows, q->kernel);
}
