// SPDX-License-Identifier: BSD-3-Clause
// Steps in 8 bits: QDense, by the kernel that is fastest here for each class of batch sizes,
// QuantizeLinear and DequantizeLinear by one scale, and QLookup. Other scales take the plain form.

#include "infer/plan/steps/quantise.h"
#include "infer/graph/arena.h"
#include "infer/kernels/product/dense.h"
#include "infer/kernels/quantise/lookup.h"
#include "infer/kernels/quantise/quantise.h"
#include "infer/plan/choose/choose.h"
#include "infer/plan/steps/layout.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_NS  10000.0
#define VALUES_MAX ((uint64_t)1 << 20) // most values of the rows that kernels are timed over

// --- QDense -------------------------------------------------------------------------------------

struct qdense_step {
	struct qdense dense;
	const struct qdense_kernel *kernel[MODEL_BATCH_CLASSES];
};

static void run_qdense(const struct step *step, const struct pass *pass)
{
	const struct qdense_step *q = step->params;

	q->kernel[pass->batch_class]->run(&q->dense, pass->n * step->per_row,
		buffer_at(pass, &step->x), NULL, buffer_at(pass, &step->y));
}

// The inputs and outputs that kernels are timed over.
struct qdense_trial {
	const struct qdense *dense;
	uint32_t rows; // of x and y
	uint8_t *x;
	float *y;
};

static int qdense_trial_ready(void *context)
{
	struct qdense_trial *trial = context;

	trial->x = calloc(trial->rows, trial->dense->k);
	trial->y = calloc((size_t)trial->rows * trial->dense->n, sizeof(float));
	return trial->x && trial->y ? 0 : -ENOMEM;
}

static void qdense_trial_call(void *context, const void *kernel, const void *packed, uint32_t rows)
{
	const struct qdense_kernel *candidate = kernel;
	const struct qdense_trial *trial = context;
	const float scale = 1.0f;
	const struct qdense_rows of = { .scale = &scale };

	candidate->run(trial->dense, rows, trial->x, &of, trial->y);
}

// How many rows to time kernels over: of a class that has more, fewer stand for all.
static uint32_t qdense_trial_rows(const struct qdense *dense, uint32_t most)
{
	const uint64_t width = dense->k > dense->n ? dense->k : dense->n;
	const uint64_t rows = VALUES_MAX / width;

	return rows < 1 ? 1 : rows < most ? (uint32_t)rows : most;
}

int qdense_choose(struct builder *builder, const struct qdense *dense,
	const uint32_t rows[MODEL_BATCH_CLASSES],
	const struct qdense_kernel *kernels[MODEL_BATCH_CLASSES])
{
	struct qdense_trial trial = { .dense = dense,
		.rows = qdense_trial_rows(dense, rows[MODEL_BATCH_CLASSES - 1]) };
	struct contest contest = { .table = &QDENSE_TABLE,
		.sample_ns = SAMPLE_NS,
		.context = &trial,
		.ready = qdense_trial_ready,
		.call = qdense_trial_call };
	struct chosen chosen[MODEL_BATCH_CLASSES];
	int rc;

	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++)
		contest.rows[c] = rows[c] < trial.rows ? rows[c] : trial.rows;
	rc = choose(builder, builder->step, &contest, chosen);
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES && rc == 0; c++)
		kernels[c] = chosen[c].kernel;
	free(trial.x);
	free(trial.y);
	return rc;
}

struct qdense qdense_of(const struct builder *builder, uint32_t n)
{
	const struct node *node = builder->node;
	const enum dtype to = builder_output(builder, 0)->dtype;
	const int64_t least = to == DTYPE_I8 ? -128 : 0;

	return (struct qdense){ .k = (uint32_t)builder_input(builder, 1)->dims[0],
		.n = n,
		.x_signed = builder_input(builder, 0)->dtype == DTYPE_I8,
		.to = to,
		.zero = (int32_t)node_int(node, ATTR_ZERO, least),
		.low = (int32_t)node_int(node, ATTR_LOW, least),
		.high = (int32_t)node_int(node, ATTR_HIGH, least + 255) };
}

// The packed weights, in the order of an x that is channels last where it is. NULL with err filled.
static const void *qdense_pack_weights(struct builder *builder, const struct qdense *dense)
{
	const struct tensor *w = builder_input(builder, 1);
	void *packed = builder_weights(builder, qdense_packed_bytes(dense->k, dense->n));
	void *transposed = NULL;

	if (packed && layout_input_last(builder)) {
		transposed = layout_dense_weights(builder, w->data, dense->k, dense->n);
		if (!transposed) {
			error_set(builder->err, -ENOMEM, "no memory for the weights");
			return NULL;
		}
	}
	if (packed)
		qdense_pack(dense, packed, transposed ? transposed : w->data,
			builder_input(builder, 2)->data, builder_input(builder, 3)->data);
	arena_give_back(builder->plan->arena, transposed);
	return packed;
}

int build_qdense(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0), *w = builder_input(builder, 1);
	struct step *step = builder->step;
	struct qdense_step q = { .dense = qdense_of(builder, (uint32_t)w->dims[1]) };
	uint32_t rows[MODEL_BATCH_CLASSES];
	int rc;

	q.dense.packed = qdense_pack_weights(builder, &q.dense);
	if (!q.dense.packed)
		return builder->err->code;
	step->run = run_qdense;
	step->x = builder_input_buffer(builder, 0);
	step->per_row = (uint32_t)(tensor_elements(builder_output(builder, 0)) / w->dims[1]);
	step->bytes_touched += qdense_packed_bytes(q.dense.k, q.dense.n);
	step->macs = (uint64_t)step->per_row * q.dense.k * q.dense.n;
	snprintf(step->shape, sizeof(step->shape), "%s %" PRIu32 " -> %s %" PRIu32,
		dtype_name(x->dtype), q.dense.k, dtype_name(q.dense.to), q.dense.n);
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++)
		rows[c] = MODEL_BATCH_CLASS[c] * step->per_row;
	rc = qdense_choose(builder, &q.dense, rows, q.kernel);
	if (rc != 0)
		return rc;
	return builder_finish(builder, &q, sizeof(q));
}

// --- QuantizeLinear, DequantizeLinear -----------------------------------------------------------

struct quantise_step {
	struct quantise quantise;
	void (*forth)(const struct quantise *quantise, size_t count, const float *x, uint8_t *y);
	void (*back)(const struct quantise *quantise, size_t count, const uint8_t *x, float *y);
};

static void run_quantise(const struct step *step, const struct pass *pass)
{
	const struct quantise_step *q = step->params;

	q->forth(&q->quantise, (size_t)pass->n * step->per_row, buffer_at(pass, &step->x),
		buffer_at(pass, &step->y));
}

static void run_dequantise(const struct step *step, const struct pass *pass)
{
	const struct quantise_step *q = step->params;

	q->back(&q->quantise, (size_t)pass->n * step->per_row, buffer_at(pass, &step->x),
		buffer_at(pass, &step->y));
}

// One constant scale, and one zero point of `bytes`, one of the node's tensors. False: other forms.
static bool quantise_read(
	const struct builder *builder, const struct tensor *bytes, struct quantise *quantise)
{
	const struct tensor *scale = builder_input(builder, 1), *zero = builder_input(builder, 2);

	quantise->is_signed = bytes->dtype == DTYPE_I8;
	if ((bytes->dtype != DTYPE_U8 && !quantise->is_signed) || !scale->data ||
		tensor_elements(scale) != 1 || (zero && !zero->data))
		return false;
	quantise->scale = *(const float *)scale->data;
	if (zero)
		quantise->zero = quantise->is_signed ? *(const int8_t *)zero->data
						     : *(const uint8_t *)zero->data;
	return true;
}

int build_quantise(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0), *y = builder_output(builder, 0);
	const struct quantise_kernel *kernel = quantise_pick(builder->plan->isa_mask);
	struct quantise_step q = { .forth = kernel->run };
	struct step *step = builder->step;

	if (x->dtype != DTYPE_F32 || !quantise_read(builder, y, &q.quantise))
		return -ENOTSUP; // the plain form takes it
	step->run = run_quantise;
	snprintf(step->shape, sizeof(step->shape), "%" PRId64 " by %g%+" PRId32 " to %s",
		tensor_elements(x), (double)q.quantise.scale, q.quantise.zero,
		dtype_name(y->dtype));
	step->x = builder_input_buffer(builder, 0);
	step->per_row = (uint32_t)tensor_elements(x);
	step_set_kernel(step, kernel->name);
	return builder_finish(builder, &q, sizeof(q));
}

int build_dequantise(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0);
	const struct dequantise_kernel *kernel = dequantise_pick(builder->plan->isa_mask);
	struct quantise_step q = { .back = kernel->run };
	struct step *step = builder->step;

	if (!quantise_read(builder, x, &q.quantise))
		return -ENOTSUP;
	step->run = run_dequantise;
	snprintf(step->shape, sizeof(step->shape), "%s %" PRId64 " by %g%+" PRId32,
		dtype_name(x->dtype), tensor_elements(x), (double)q.quantise.scale,
		q.quantise.zero);
	step->x = builder_input_buffer(builder, 0);
	step->per_row = (uint32_t)tensor_elements(x);
	step_set_kernel(step, kernel->name);
	return builder_finish(builder, &q, sizeof(q));
}

// --- QLookup ------------------------------------------------------------------------------------

struct qlookup_step {
	const uint8_t *table;
	lookup_fn *run;
};

static void run_qlookup(const struct step *step, const struct pass *pass)
{
	const struct qlookup_step *q = step->params;

	q->run(q->table, (size_t)pass->n * step->per_row, buffer_at(pass, &step->x),
		buffer_at(pass, &step->y));
}

// It reads and writes value by value: what its reader takes, it takes.
bool qlookup_takes_channels_last(
	const struct builder *builder, const struct node *node, uint32_t pools)
{
	return pools > 0 && layout_reader_takes(builder, node, pools - 1);
}

int build_qlookup(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0), *y = builder_output(builder, 0);
	const struct lookup_kernel *kernel = lookup_pick(builder->plan->isa_mask);
	uint8_t *table = builder_weights(builder, LOOKUP_VALUES);
	struct qlookup_step q = { .table = table, .run = kernel->run };
	struct step *step = builder->step;

	if (!table)
		return builder->err->code;
	memcpy(table, builder_input(builder, 1)->data, LOOKUP_VALUES);
	if (layout_input_last(builder)) // qlookup_takes_channels_last() has asked the reader
		layout_output_last(builder);
	step->run = run_qlookup;
	snprintf(step->shape, sizeof(step->shape), "%s to %s %" PRId64, dtype_name(x->dtype),
		dtype_name(y->dtype), tensor_elements(x));
	step->x = builder_input_buffer(builder, 0);
	step->per_row = (uint32_t)tensor_elements(x);
	step->bytes_touched += LOOKUP_VALUES;
	step_set_kernel(step, kernel->name);
	return builder_finish(builder, &q, sizeof(q));
}
