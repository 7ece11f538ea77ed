// SPDX-License-Identifier: BSD-3-Clause
// What runs in 8 bits: QDense, by the kernel that is fastest here for each class of batch sizes,
// and QuantizeLinear by one scale. Other forms are the general path's.
#include "infer/plan/quantise.h"

#include "infer/plan/race.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_NS   10000.0
#define VALUES_MAX  ((uint64_t)1 << 20) // that the rows to time with take, in or out
#define KERNELS_MAX 16

// --- QDense -------------------------------------------------------------------------------------

struct qdense_step {
	struct qdense dense;
	const struct qdense_kernel *kernel[MODEL_BATCH_CLASSES];
};

struct contest {
	const struct qdense_kernel *kernel;
	const struct qdense *dense;
	const uint8_t *x;
	void *y;
};

static void run_qdense(const struct step *step, const struct pass *pass)
{
	const struct qdense_step *q = step->params;

	q->kernel[pass->klass]->run(&q->dense, pass->n * step->per_row, place_at(pass, &step->x),
		place_at(pass, &step->y));
}

static void call(void *context, uint32_t rows)
{
	const struct contest *contest = context;

	contest->kernel->run(contest->dense, rows, contest->x, contest->y);
}

// The fastest for m rows. The scalar kernel (the first) only where there is no other.
static const struct qdense_kernel *fastest(
	const struct builder *builder, const struct qdense *dense, uint32_t m, uint8_t *x, void *y)
{
	const unsigned isa_mask = builder->plan->isa_mask & isa_detected();
	struct contest contests[KERNELS_MAX];
	struct racer racers[KERNELS_MAX];
	uint32_t count = 0;

	assert(QDENSE_KERNELS_COUNT <= KERNELS_MAX);
	for (uint32_t i = QDENSE_KERNELS_COUNT; i-- > 0;) {
		if (!kernel_allowed(QDENSE_KERNELS[i].isa, isa_mask) || (i == 0 && count > 0))
			continue;
		contests[count] = (struct contest){ &QDENSE_KERNELS[i], dense, x, y };
		racers[count] = (struct racer){ .call = call, .context = &contests[count] };
		count++;
	}
	return contests[race(racers, count, m, SAMPLE_NS)].kernel;
}

static const struct qdense_kernel *kernel_of_name(const char *name)
{
	for (uint32_t i = 0; i < QDENSE_KERNELS_COUNT; i++) {
		if (QDENSE_KERNELS[i].name == name) // the table's own string, see plan_choices()
			return &QDENSE_KERNELS[i];
	}
	return NULL;
}

// Rows that x and y have to time with: a class of more is timed by fewer.
static uint32_t rows_to_time(const struct qdense *dense, uint32_t most)
{
	const uint64_t width = dense->k > dense->n ? dense->k : dense->n;
	const uint64_t rows = VALUES_MAX / width;

	return rows < 1 ? 1 : rows < most ? (uint32_t)rows : most;
}

int qdense_choose(struct builder *builder, const struct qdense *dense,
	const uint32_t rows[MODEL_BATCH_CLASSES],
	const struct qdense_kernel *kernels[MODEL_BATCH_CLASSES])
{
	const uint32_t most = rows_to_time(dense, rows[MODEL_BATCH_CLASSES - 1]);
	uint8_t *x = NULL;
	float *y = NULL;
	int rc = 0;

	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES && rc == 0; c++) {
		const uint32_t m = rows[c] < most ? rows[c] : most;

		kernels[c] = kernel_of_name(builder_known(builder, builder->step, c));
		if (!kernels[c] && builder->no_timing)
			kernels[c] = qdense_pick(builder->plan->isa_mask);
		if (!kernels[c] && c > 0 && rows[c] == rows[c - 1])
			kernels[c] = kernels[c - 1];
		if (!kernels[c] && !y) {
			x = calloc(most, dense->k);
			y = calloc((size_t)most * dense->n, sizeof(float));
		}
		if (!kernels[c] && x && y)
			kernels[c] = fastest(builder, dense, m, x, y);
		if (!kernels[c])
			rc = error_set(builder->err, -ENOMEM, "no memory to time kernels");
		else
			builder->step->kernel[c] = kernels[c]->name;
	}
	free(x);
	free(y);
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

int build_qdense(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0), *w = builder_input(builder, 1);
	struct step *step = builder->step;
	struct qdense_step q = { .dense = qdense_of(builder, (uint32_t)w->dims[1]) };
	void *packed = builder_weights(builder, qdense_packed_bytes(q.dense.k, q.dense.n));
	uint32_t rows[MODEL_BATCH_CLASSES];
	int rc;

	if (!packed)
		return -ENOMEM;
	qdense_pack(&q.dense, packed, w->data, builder_input(builder, 2)->data,
		builder_input(builder, 3)->data);
	q.dense.packed = packed;
	step->run = run_qdense;
	step->x = builder_input_place(builder, 0);
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
	step->params = builder_params(builder, &q, sizeof(q));
	return step->params ? 0 : -ENOMEM;
}

// --- QuantizeLinear -----------------------------------------------------------------------------

struct quantise_step {
	struct quantise quantise;
	const struct quantise_kernel *kernel;
};

static void run_quantise(const struct step *step, const struct pass *pass)
{
	const struct quantise_step *q = step->params;

	q->kernel->run(&q->quantise, (size_t)pass->n * step->per_row, place_at(pass, &step->x),
		place_at(pass, &step->y));
}

int build_quantise(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0), *scale = builder_input(builder, 1);
	const struct tensor *zero = builder_input(builder, 2), *y = builder_output(builder, 0);
	const bool is_signed = y->dtype == DTYPE_I8;
	struct quantise_step q = { .quantise = { .is_signed = is_signed } };
	struct step *step = builder->step;

	if (x->dtype != DTYPE_F32 || (y->dtype != DTYPE_U8 && !is_signed) || !scale->data ||
		tensor_elements(scale) != 1 || (zero && !zero->data))
		return -ENOTSUP; // the general path's
	q.quantise.scale = *(const float *)scale->data;
	if (zero)
		q.quantise.zero =
			is_signed ? *(const int8_t *)zero->data : *(const uint8_t *)zero->data;
	q.kernel = quantise_pick(builder->plan->isa_mask);
	step->run = run_quantise;
	step->x = builder_input_place(builder, 0);
	step->per_row = (uint32_t)tensor_elements(x);
	snprintf(step->shape, sizeof(step->shape), "%" PRIu32 " by %g%+" PRId32 " to %s",
		step->per_row, (double)q.quantise.scale, q.quantise.zero, dtype_name(y->dtype));
	step_set_kernel(step, q.kernel->name);
	step->params = builder_params(builder, &q, sizeof(q));
	return step->params ? 0 : -ENOMEM;
}
