// SPDX-License-Identifier: BSD-3-Clause
// ReduceSum, ReduceMean and ReduceMax over the last dimensions, ReduceMean and ReduceMax over any
// adjacent ones, and global pools. Others take their plain form.

#include "infer/plan/steps/reduce.h"
#include "infer/graph/arena.h"
#include "infer/kernels/pool/pool.h"

#include <inttypes.h>

struct reduce_rows_step {
	enum reduction reduction;
	uint32_t n;
	reduce_rows_fn *run;
};

static void run_reduce_rows(const struct step *step, const struct pass *pass)
{
	const struct reduce_rows_step *p = step->params;

	p->run(p->reduction, pass->n * step->per_row, p->n, buffer_at(pass, &step->x),
		buffer_at(pass, &step->y));
}

int build_reduce_rows(struct builder *builder, enum reduction reduction, size_t m, size_t n)
{
	const struct reduce_rows_kernel *kernel = reduce_rows_pick(builder->plan->isa_mask);
	const struct reduce_rows_step p = { reduction, (uint32_t)n, kernel->run };
	struct step *step = builder->step;

	if (!builder_has_vectors(builder) || n == 0)
		return error_set(builder->err, -ENOTSUP, "no kernel of this form");
	step->run = run_reduce_rows;
	step->x = builder_input_buffer(builder, 0);
	step->per_row = (uint32_t)m;
	step->macs = (uint64_t)m * n;
	step_set_kernel(step, kernel->name);
	snprintf(step->shape, sizeof(step->shape), "%" PRIu32 " x %" PRIu32 " -> %" PRIu32,
		(uint32_t)m, (uint32_t)n, (uint32_t)m);
	return builder_finish(builder, &p, sizeof(p));
}

// --- Dimensions before the last: a pool whose channels are the rest ------------------------------

struct reduce_pool_step {
	struct pool pool;
	pool_fn *run;
};

static void run_reduce_pool(const struct step *step, const struct pass *pass)
{
	const struct reduce_pool_step *p = step->params;
	struct pool pool = p->pool;

	pool.positions[2] *= pass->n; // rows follow each other as positions do
	p->run(&pool, buffer_at(pass, &step->x), buffer_at(pass, &step->y));
}

// [m][n][inner] to [m][inner].
static int build_reduce_pool(
	struct builder *builder, bool average, size_t m, size_t n, size_t inner)
{
	const struct pool_nhwc_kernel *kernel = pool_nhwc_pick(builder->plan->isa_mask);
	uint32_t *at = arena_calloc(builder->plan->arena, n, sizeof(*at));
	struct step *step = builder->step;
	struct reduce_pool_step p = { .run = kernel->run };

	if (!at)
		return error_set(builder->err, -ENOMEM, "no memory for the plan");
	for (size_t i = 0; i < n; i++)
		at[i] = (uint32_t)(i * inner);
	p.pool = (struct pool){ .taps = (uint32_t)n,
		.at = at,
		.positions = { 1, 1, (uint32_t)m },
		.x_step = { 0, 0, n * inner },
		.channels = (uint32_t)inner,
		.average = average };
	step->run = run_reduce_pool;
	step->x = builder_input_buffer(builder, 0);
	step->macs = (uint64_t)m * n * inner;
	step_set_kernel(step, kernel->name);
	snprintf(step->shape, sizeof(step->shape),
		"%" PRIu32 " x %" PRIu32 " x %" PRIu32 " -> %" PRIu32 " x %" PRIu32, (uint32_t)m,
		(uint32_t)n, (uint32_t)inner, (uint32_t)m, (uint32_t)inner);
	return builder_finish(builder, &p, sizeof(p));
}

// The dimensions that are reduced, as bits.
static uint32_t reduce_mask(const struct tensor *x, const struct attr *axes)
{
	uint32_t mask = axes ? 0 : (1u << x->rank) - 1;

	for (uint32_t i = 0; axes && i < axes->count; i++)
		mask |= 1u << axes->ints[i];
	return mask;
}

int build_reduce(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0);
	const uint32_t mask = reduce_mask(x, node_attr(builder->node, ATTR_AXES));
	const enum op op = builder->node->op;
	size_t sizes[3] = { 1, 1, 1 }; // values before, in and behind the reduced dimensions
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
	if (op == OP_REDUCE_SUM || !builder_has_vectors(builder) || sizes[0] == 0 || sizes[2] == 0)
		return error_set(builder->err, -ENOTSUP, "no kernel of this form");
	return build_reduce_pool(builder, op == OP_REDUCE_MEAN, sizes[0], sizes[1], sizes[2]);
}
