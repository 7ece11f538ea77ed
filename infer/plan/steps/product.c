// SPDX-License-Identifier: BSD-3-Clause
// Dense, and what can become it: Gemm and MatMul by constant weights. Products of two computed
// matrices have a kernel of their own, which packs nothing.
#include "infer/plan/steps/product.h"
#include "infer/graph/act.h"
#include "infer/graph/arena.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/product/dense.h"
#include "infer/kernels/product/product.h"
#include "infer/plan/choose/dense.h"
#include "infer/plan/steps/layout.h"
#include "infer/plan/steps/product_bf16.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void run_dense(const struct step *step, const struct pass *pass)
{
	const struct dense_choice *choice = &step->choice[pass->batch_class];

	choice->run(&choice->dense, pass->n * step->per_row, buffer_at(pass, &step->x),
		choice->dense.k, buffer_at(pass, &step->y), choice->dense.n);
}

// A dense layer reads a row of x for each row of the pass; a constant x has one for all of them.
static bool dense_takes_input(const struct builder *builder)
{
	return !builder->graph->tensors[builder->root[builder->node->inputs[0]]].data;
}

static void dense_name(struct builder *builder, const struct dense *dense)
{
	bool active = dense->act.kind != ACTIVATION_NONE;

	snprintf(builder->step->shape, sizeof(builder->step->shape),
		"%" PRIu32 " -> %" PRIu32 "%s%s", dense->k, dense->n, active ? " + " : "",
		active ? activation_name(dense->act.kind) : "");
}

int build_dense_of(struct builder *builder, const float *w, const float *b, float *own, uint32_t k,
	uint32_t n, struct act act, const struct packed_key *key)
{
	const struct packed_key own_key = { .from = { w, b }, .numbers = { k, n } };
	struct dense_layer *layer = malloc(sizeof(*layer));
	struct step *step = builder->step;

	assert(n >= 1);
	if (!layer) {
		arena_give_back(builder->plan->arena, own);
		return error_set(builder->err, -ENOMEM, "no memory for the plan");
	}
	*layer = (struct dense_layer){
		.step = step,
		.w = w,
		.b = b,
		.own = own,
		.key = key ? *key : own_key,
		.dense = { .k = k, .n = n, .act = act },
	};
	*builder->layers_end = layer;
	builder->layers_end = &layer->next;
	builder->dense_bytes += ((size_t)k + 1) * n * sizeof(float);
	step->run = run_dense;
	step->x = builder_input_buffer(builder, 0);
	step->per_row = (uint32_t)(tensor_elements(builder_output(builder, 0)) / n);
	step->bytes_touched += ((size_t)k + 1) * n * sizeof(float);
	step->macs = (uint64_t)step->per_row * k * n;
	dense_name(builder, &layer->dense);
	return 0;
}

int build_dense(struct builder *builder)
{
	const struct tensor *w = builder_input(builder, 1), *b = builder_input(builder, 2);

	const uint32_t k = (uint32_t)w->dims[0], n = (uint32_t)w->dims[1];
	// The order of the rows, where x is channels last, is that of its dimensions.
	const struct packed_key key = { .from = { w->data, b ? b->data : NULL,
						builder_input(builder, 0) },
		.numbers = { k, n } };
	float *own = NULL;

	if (w->dtype == DTYPE_BF16)
		return build_bf16_dense(builder);
	if (layout_input_last(builder)) {
		own = layout_dense_weights(builder, w->data, k, n * sizeof(float));
		if (!own)
			return error_set(builder->err, -ENOMEM, "no memory for the weights");
	}
	return build_dense_of(builder, own ? own : w->data, b ? b->data : NULL, own, k, n,
		act_of_attributes(builder->node), own ? &key : NULL);
}

// --- Products of computed matrices ---------------------------------------------------------------

struct products {
	struct product one;
	uint32_t batches;
	const uint32_t *a_batch, *b_batch; // [batches] the index of the matrix of a, of b
	struct product_epilogue epilogue;  // over [m][n]
	bool has_epilogue;
	product_fn *run;
};

static void run_products(const struct step *step, const struct pass *pass)
{
	const struct products *p = step->params;
	const float *a = buffer_at(pass, &step->x), *b = buffer_at(pass, &step->x2);
	float *y = buffer_at(pass, &step->y);
	const size_t m = p->one.m, k = p->one.k, n = p->one.n;

	for (uint32_t row = 0; row < pass->n; row++) {
		for (uint32_t i = 0; i < p->batches; i++, y += m * n) {
			p->run(&p->one, a + p->a_batch[i] * m * k, b + p->b_batch[i] * k * n, y);
			if (p->has_epilogue)
				f32_product_epilogue__scalar(&p->epilogue, m * n, y);
		}
		a += step->x.row_bytes / sizeof(*a);
		b += step->x2.row_bytes / sizeof(*b);
	}
}

static int build_products(struct builder *builder, struct products *p)
{
	const struct product *one = &p->one;
	const bool vectors = one->b_column == 1 && one->m && one->k && one->n;
	const struct product_kernel *kernel =
		product_pick(vectors ? builder->plan->isa_mask : ISA_SCALAR);
	struct step *step = builder->step;

	p->run = kernel->run;
	p->has_epilogue = p->epilogue.alpha != 1.0f || p->epilogue.c;
	step_set_kernel(step, kernel->name);
	step->run = run_products;
	step->x = builder_input_buffer(builder, 0);
	step->x2 = builder_input_buffer(builder, 1);
	step->macs = (uint64_t)p->batches * one->m * one->n * one->k;
	snprintf(step->shape, sizeof(step->shape),
		"%" PRIu32 " x [%" PRIu32 ", %" PRIu32 "] * [%" PRIu32 ", %" PRIu32 "]", p->batches,
		one->m, one->k, one->k, one->n);
	return builder_finish(builder, p, sizeof(*p));
}

// --- Gemm ----------------------------------------------------------------------------------------

// The weights and bias of a Dense from constant ones: w [k][n] is alpha * b, bias [n] is beta * c.
static void gemm_constants(
	const struct products *p, const float *b, float *restrict w, float *restrict bias)
{
	for (uint32_t l = 0; l < p->one.k; l++) {
		for (uint32_t j = 0; j < p->one.n; j++)
			w[(size_t)l * p->one.n + j] =
				p->epilogue.alpha * b[l * p->one.b_row + j * p->one.b_column];
	}
	for (uint32_t j = 0; j < p->one.n; j++)
		bias[j] = p->epilogue.c ? p->epilogue.beta * p->epilogue.c[j] : 0.0f;
}

static int gemm_dense(struct builder *builder, const struct products *p)
{
	const struct tensor *b = builder_input(builder, 1), *c = builder_input(builder, 2);
	const float scales[2] = { p->epilogue.alpha, p->epilogue.beta };
	struct packed_key key = { .from = { b->data, c ? c->data : NULL },
		.numbers = { p->one.k, p->one.n, p->one.b_row } };
	float *w = arena_lend(builder->plan->arena, ((size_t)p->one.k + 1) * p->one.n * sizeof(*w)),
	      *bias;

	if (!w)
		return error_set(builder->err, -ENOMEM, "no memory for the weights");
	bias = w + (size_t)p->one.k * p->one.n;
	key.numbers[3] = c ? (uint64_t)tensor_elements(c) : 0;
	memcpy(&key.numbers[4], scales, sizeof(scales));
	gemm_constants(p, b->data, w, bias);
	return build_dense_of(
		builder, w, bias, w, p->one.k, p->one.n, act_defaults(ACTIVATION_NONE), &key);
}

int build_gemm(struct builder *builder)
{
	static const uint32_t first[1];
	const struct node *node = builder->node;
	const struct tensor *a = builder_input(builder, 0), *b = builder_input(builder, 1);
	bool trans_a = node_int(node, ATTR_TRANS_A, 0) != 0;
	bool trans_b = node_int(node, ATTR_TRANS_B, 0) != 0;
	struct products p = {
		.one = { .m = (uint32_t)a->dims[trans_a],
			.k = (uint32_t)a->dims[!trans_a],
			.n = (uint32_t)b->dims[!trans_b],
			.a_row = trans_a ? 1 : (size_t)a->dims[1],
			.a_column = trans_a ? (size_t)a->dims[1] : 1,
			.b_row = trans_b ? 1 : (size_t)b->dims[1],
			.b_column = trans_b ? (size_t)b->dims[1] : 1 },
		.batches = 1,
		.a_batch = first,
		.b_batch = first,
		.epilogue = { .alpha = node_float(node, ATTR_ALPHA, 1.0f),
			.beta = node_float(node, ATTR_BETA, 1.0f) },
	};

	if (builder_input(builder, 2)) {
		int rc = builder_expand(builder, 2, builder_output(builder, 0), &p.epilogue.c);

		if (rc != 0)
			return rc;
	}
	if (b->data && dense_takes_input(builder) && !trans_a && (!p.epilogue.c || p.one.m == 1))
		return gemm_dense(builder, &p);
	return build_products(builder, &p);
}

// --- MatMul --------------------------------------------------------------------------------------

// For each matrix of the output, by the broadcasting of its leading dimensions `lead`, the index of
// the matrix of `tensor` that is its factor.
static const uint32_t *matmul_batches(struct builder *builder, const struct tensor *tensor,
	const struct tensor *lead, uint32_t count)
{
	uint32_t *index = builder_weights(builder, count * sizeof(*index));
	uint32_t rank = tensor->rank > 2 ? tensor->rank - 2 : 0;

	for (uint32_t i = 0; index && i < count; i++) {
		uint64_t rest = i, stride = 1;

		for (uint32_t d = 0; d < lead->rank; d++) {
			uint64_t dim = (uint64_t)lead->dims[lead->rank - 1 - d];
			uint64_t own = d < rank ? (uint64_t)tensor->dims[rank - 1 - d] : 1;

			index[i] += (uint32_t)(own > 1 ? rest % dim * stride : 0);
			stride *= own;
			rest /= dim;
		}
	}
	return index;
}

int build_matmul(struct builder *builder)
{
	const struct tensor *a = builder_input(builder, 0), *b = builder_input(builder, 1);
	struct tensor lead = *builder_output(builder, 0);
	struct products p = { .epilogue = { .alpha = 1.0f } };

	lead.rank -= (a->rank > 1) + (b->rank > 1);
	p.one.m = a->rank > 1 ? (uint32_t)a->dims[a->rank - 2] : 1;
	p.one.k = (uint32_t)a->dims[a->rank - 1];
	p.one.n = b->rank > 1 ? (uint32_t)b->dims[b->rank - 1] : 1;
	if (b->data && dense_takes_input(builder) && b->rank <= 2)
		return build_dense_of(builder, b->data, NULL, NULL, p.one.k, p.one.n,
			act_defaults(ACTIVATION_NONE), NULL);
	p.one.a_row = p.one.k;
	p.one.a_column = 1;
	p.one.b_row = p.one.n;
	p.one.b_column = 1;
	p.batches = (uint32_t)tensor_elements(&lead);
	p.a_batch = matmul_batches(builder, a, &lead, p.batches);
	p.b_batch = matmul_batches(builder, b, &lead, p.batches);
	if (!p.a_batch || !p.b_batch)
		return builder->err->code;
	return build_products(builder, &p);
}
