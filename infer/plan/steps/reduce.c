// SPDX-License-Identifier: BSD-3-Clause
// ReduceSum, ReduceMean and ReduceMax of the last dimensions, the latter two of any that are
// neighbours, and pools of all that there is. Others take its plain form.
#include "infer/plan/steps/reduce.h"

#include "infer/graph/arena.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/pool/pool_places.h"
#include "infer/plan/table.h"

#include <inttypes.h>

struct reduce_step {
	enum reduction reduction;
	uint32_t n;
	reduce_rows_fn *run;
};

static void run_reduce(const struct step *step, const struct pass *pass)
{
	const struct reduce_step *p = step->params;

	p->run(p->reduction, pass->n * step->per_row, p->n, buffer_at(pass, &step->x),
		buffer_at(pass, &step->y));
}

int build_reduce_rows(struct builder *builder, enum reduction reduction, size_t m, size_t n)
{
	const unsigned isa = builder->plan->isa_mask;
	struct step *step = builder->step;
	const struct reduce_step p = {
		.reduction = reduction, .n = (uint32_t)n, .run = KERNEL_WIDEST(f32_reduce_rows, isa)
	};

	if (!kernel_allowed(KERNEL_VECTORS, isa) || n == 0)
		return error_set(builder->err, -ENOTSUP, "no kernel of this form");
	step->run = run_reduce;
	step->x = builder_input_buffer(builder, 0);
	step->per_row = (uint32_t)m;
	step->macs = (uint64_t)m * n;
	step_set_kernel(step, KERNEL_WIDEST_NAME(f32_reduce_rows, isa));
	snprintf(step->shape, sizeof(step->shape), "%" PRIu32 " x %" PRIu32 " -> %" PRIu32,
		(uint32_t)m, (uint32_t)n, (uint32_t)m);
	return builder_finish(builder, &p, sizeof(p));
}

// --- Dimensions before the last: a pool of places whose channels are the rest
// ---------------------

struct places_step {
	struct pool_places pool;
	pool_places_fn *run;
};

static void run_places(const struct step *step, const struct pass *pass)
{
	const struct places_step *p = step->params;
	struct pool_places pool = p->pool;

	pool.places *= pass->n; // rows follow each other as places do
	p->run(&pool, buffer_at(pass, &step->x), buffer_at(pass, &step->y));
}

static int build_places(struct builder *builder, bool average, size_t m, size_t n, size_t inner)
{
	const unsigned isa = builder->plan->isa_mask;
	uint32_t *at = arena_calloc(builder->plan->arena, n, sizeof(*at));
	struct step *step = builder->step;
	struct places_step p = { .run = KERNEL_WIDEST(f32_pool_places, isa) };

	if (!at)
		return error_set(builder->err, -ENOMEM, "no memory for the plan");
	for (size_t i = 0; i < n; i++)
		at[i] = (uint32_t)(i * inner);
	p.pool = (struct pool_places){ .taps = (uint32_t)n,
		.places = (uint32_t)m,
		.channels = (uint32_t)inner,
		.step = n * inner,
		.at = at,
		.average = average };
	step->run = run_places;
	step->x = builder_input_buffer(builder, 0);
	step->macs = (uint64_t)m * n * inner;
	step_set_kernel(step, KERNEL_WIDEST_NAME(f32_pool_places, isa));
	snprintf(step->shape, sizeof(step->shape),
		"%" PRIu32 " x %" PRIu32 " x %" PRIu32 " -> %" PRIu32 " x %" PRIu32, (uint32_t)m,
		(uint32_t)n, (uint32_t)inner, (uint32_t)m, (uint32_t)inner);
	return builder_finish(builder, &p, sizeof(p));
}

// Which dimensions are reduced, as bits.
static uint32_t reduced(const struct tensor *x, const struct attr *axes)
{
	uint32_t mask = axes ? 0 : (1u << x->rank) - 1;

	for (uint32_t i = 0; axes && i < axes->count; i++)
		mask |= 1u << axes->ints[i];
	return mask;
}

int build_reduce(struct builder *builder)
{
	const unsigned isa = builder->plan->isa_mask;
	const struct tensor *x = builder_input(builder, 0);
	const uint32_t mask = reduced(x, node_attr(builder->node, ATTR_AXES));
	const enum op op = builder->node->op;
	size_t sizes[3] = { 1, 1, 1 }; // before the reduced ones, theirs, behind them
	uint32_t part = 0;

	for (uint32_t d = 0; d < x->rank; d++) {
		if (x->dims[d] == 1)
			continue;
		part += (mask >> d & 1) != (part == 1);
		if (part > 2)
			return error_set(
				builder->err, -ENOTSUP, "dimensions that are not neighbours");
		sizes[part] *= (size_t)x->dims[d];
	}
	if (sizes[2] == 1)
		return build_reduce_rows(builder,
			op == OP_REDUCE_SUM            ? REDUCTION_SUM
				: op == OP_REDUCE_MEAN ? REDUCTION_MEAN
						       : REDUCTION_MAX,
			sizes[0], sizes[1]);
	if (op == OP_REDUCE_SUM || !kernel_allowed(KERNEL_VECTORS, isa) || sizes[0] == 0 ||
		sizes[2] == 0)
		return error_set(builder->err, -ENOTSUP, "no kernel of this form");
	return build_places(builder, op == OP_REDUCE_MEAN, sizes[0], sizes[1], sizes[2]);
}
