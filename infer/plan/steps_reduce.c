// SPDX-License-Identifier: BSD-3-Clause
// ReduceSum, ReduceMean and ReduceMax of the last dimensions, and pools of all that there is.
// Others take the general path.
#include "infer/plan/steps_reduce.h"

#include <inttypes.h>

struct reduce_step {
	enum reduction reduction;
	uint32_t n;
	reduce_rows_fn *run;
};

static void run_reduce(const struct step *step, const struct pass *pass)
{
	const struct reduce_step *p = step->params;

	p->run(p->reduction, pass->n * step->per_row, p->n, place_at(pass, &step->x),
		place_at(pass, &step->y));
}

int build_reduce_rows(struct builder *builder, enum reduction reduction, size_t m, size_t n)
{
	const unsigned isa = builder->plan->isa_mask & isa_detected();
	struct step *step = builder->step;
	const struct reduce_step p = {
		.reduction = reduction, .n = (uint32_t)n, .run = KERNEL_WIDEST(f32_reduce_rows, isa)
	};

	if (!kernel_allowed(KERNEL_VECTORS, isa) || n == 0)
		return error_set(builder->err, -ENOTSUP, "no kernel of this form");
	step->run = run_reduce;
	step->x = builder_input_place(builder, 0);
	step->per_row = (uint32_t)m;
	step->macs = (uint64_t)m * n;
	step_set_kernel(step, KERNEL_WIDEST_NAME(f32_reduce_rows, isa));
	snprintf(step->shape, sizeof(step->shape), "%zu x %zu -> %zu", m, n, m);
	step->params = builder_params(builder, &p, sizeof(p));
	return step->params ? 0 : -ENOMEM;
}

int build_reduce(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0);
	const struct attr *axes = node_attr(builder->node, ATTR_AXES);
	const enum op op = builder->node->op;
	const uint32_t count = axes ? axes->count : x->rank;
	size_t m = 1, n = 1;

	for (uint32_t i = 0; i < count && axes; i++) {
		if (axes->ints[i] < x->rank - (int64_t)count)
			return error_set(builder->err, -ENOTSUP, "dimensions before the last");
	}
	for (uint32_t d = 0; d < x->rank; d++)
		*(d < x->rank - count ? &m : &n) *= (size_t)x->dims[d];
	return build_reduce_rows(builder,
		op == OP_REDUCE_SUM            ? REDUCTION_SUM
			: op == OP_REDUCE_MEAN ? REDUCTION_MEAN
					       : REDUCTION_MAX,
		m, n);
}
