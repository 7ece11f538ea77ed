// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/graph/act.h"
#include "infer/kernels/elementwise/chain.h"
#include "infer/kernels/vec/vec_act.h"

#include <assert.h>

#ifdef VEC_WIDTH

_Static_assert(VEC_WIDTH <= CHAIN_PAD, "slots and constants are padded by less than a vector");

VEC_INLINE vec chain_truth(vec_mask mask)
{
	return vec_pick(mask, vec_set1(1.0f), vec_set1(0.0f));
}

VEC_INLINE vec chain_not(vec_mask mask)
{
	return vec_pick(mask, vec_set1(0.0f), vec_set1(1.0f));
}

VEC_INLINE vec chain_two(enum chain_op op, vec a, vec b)
{
	const vec zero = vec_set1(0.0f);

	switch (op) {
	case CHAIN_ADD:
		return vec_add(a, b);
	case CHAIN_SUB:
		return vec_sub(a, b);
	case CHAIN_MUL:
		return vec_mul(a, b);
	case CHAIN_DIV:
		return vec_div(a, b);
	case CHAIN_MIN:
		return vec_smaller(a, b);
	case CHAIN_MAX:
		return vec_larger(a, b);
	case CHAIN_LESS:
		return chain_truth(vec_less(a, b));
	case CHAIN_LESS_OR_EQUAL:
		return vec_pick(vec_less(a, b), vec_set1(1.0f), chain_truth(vec_equal(a, b)));
	case CHAIN_EQUAL:
		return chain_truth(vec_equal(a, b));
	case CHAIN_AND:
		return vec_pick(vec_equal(a, zero), zero, chain_not(vec_equal(b, zero)));
	case CHAIN_OR:
		return vec_pick(vec_equal(a, zero), chain_not(vec_equal(b, zero)), vec_set1(1.0f));
	case CHAIN_XOR:
		return chain_not(vec_equal(
			chain_truth(vec_equal(a, zero)), chain_truth(vec_equal(b, zero))));
	default: // CHAIN_PRELU
		return vec_pick(vec_less(a, zero), vec_mul(a, b), a);
	}
}

VEC_INLINE vec chain_sign(vec a)
{
	const vec zero = vec_set1(0.0f);

	a = vec_pick(vec_less(zero, a), vec_set1(1.0f), a);
	return vec_pick(vec_less(a, zero), vec_set1(-1.0f), a);
}

VEC_INLINE vec chain_pow_half(vec a)
{
	const vec infinity = vec_set1(__builtin_inff());
	const vec root = vec_sqrt(vec_add(a, vec_set1(0.0f))); // -0 becomes 0

	return vec_pick(vec_equal(a, vec_sub(vec_set1(0.0f), infinity)), infinity, root);
}

VEC_INLINE vec chain_one(enum chain_op op, vec a)
{
	switch (op) {
	case CHAIN_NOT:
		return chain_truth(vec_equal(a, vec_set1(0.0f)));
	case CHAIN_TRUTH:
		return chain_not(vec_equal(a, vec_set1(0.0f)));
	case CHAIN_IS_NAN:
		return chain_not(vec_equal(a, a));
	case CHAIN_NEG:
		return vec_sub(vec_set1(-0.0f), a);
	case CHAIN_ABS:
		return vec_abs(a);
	case CHAIN_SIGN:
		return chain_sign(a);
	case CHAIN_FLOOR:
		return vec_floor(a);
	case CHAIN_CEIL:
		return vec_ceil(a);
	case CHAIN_ROUND:
		return vec_round(a);
	case CHAIN_RECIPROCAL:
		return vec_div(vec_set1(1.0f), a);
	case CHAIN_SQRT:
		return vec_sqrt(a);
	case CHAIN_POW_HALF:
		return chain_pow_half(a);
	case CHAIN_EXP:
		return vec_exp(a);
	case CHAIN_LOG:
		return vec_log(a);
	default:
		return vec_erf(a);
	}
}

// Operand k of a block: `step` floats from one vector to the next. The last vector may be read to
// its end where it is `whole`.
struct chain_at {
	const float *p;
	size_t step;
	bool whole;
};

VEC_INLINE vec chain_apply(
	enum chain_op op, enum activation kind, struct vec_act act, vec a, vec b, vec c)
{
	if (op == CHAIN_AFFINE)
		return vec_fma(a, b, c);
	if (op == CHAIN_PICK)
		return vec_pick(vec_equal(a, vec_set1(0.0f)), c, b);
	if (op == CHAIN_ACT)
		return vec_activate(kind, act, a);
	return op <= CHAIN_PRELU ? chain_two(op, a, b) : chain_one(op, a);
}

VEC_INLINE vec chain_load_last(const struct chain_at *at, const float *p, vec_mask rest)
{
	return at->whole ? vec_load(p) : vec_load_mask(p, rest);
}

VEC_INLINE void chain_loop(enum chain_op op, enum activation kind, const struct act *act,
	const struct chain_at at[3], uint32_t count, float *y, bool whole)
{
	const struct vec_act spread = vec_act_of(act);
	const float *a = at[0].p, *b = at[1].p, *c = at[2].p;
	uint32_t i = 0;

	for (; count - i >= VEC_WIDTH; i += VEC_WIDTH) {
		vec_store(y + i,
			chain_apply(op, kind, spread, vec_load(a), vec_load(b), vec_load(c)));
		a += at[0].step;
		b += at[1].step;
		c += at[2].step;
	}
	if (i < count) {
		const vec_mask rest = vec_first(count - i);
		const vec v = chain_apply(op, kind, spread, chain_load_last(&at[0], a, rest),
			chain_load_last(&at[1], b, rest), chain_load_last(&at[2], c, rest));

		if (whole)
			vec_store(y + i, v);
		else
			vec_store_mask(y + i, rest, v);
	}
}

static void VEC_NAME(chain_act)(
	const struct act *act, const struct chain_at at[3], uint32_t count, float *y, bool whole){
#define BODY(kind) chain_loop(CHAIN_ACT, kind, act, at, count, y, whole)
	VEC_ACT_SWITCH(act->kind, BODY)
#undef BODY
}

// One operator over a block.
VEC_INLINE void chain_operator(const struct chain_operator *item, const struct chain_at at[3],
	uint32_t count, float *y, bool whole)
{
	switch (item->op) {
#define X(op)                                                                                      \
	case op:                                                                                   \
		chain_loop(op, ACTIVATION_NONE, &item->act, at, count, y, whole);                  \
		break;
		CHAIN_FORMULA_LIST(X)
#undef X
	default:
		VEC_NAME(chain_act)(&item->act, at, count, y, whole);
		break;
	}
}

// A block of `count` values, the first of which is value `first` of the result. from[]: what each
// kind of operand counts from.
VEC_INLINE void chain_block(const struct chain *chain, size_t first, uint32_t count,
	const void *const *x, const float *const *from, float *slots, float *y)
{
	for (uint32_t o = 0; o < chain->n_operators; o++) {
		const struct chain_operator *item = &chain->operators[o];
		const bool whole = o + 1 < chain->n_operators;
		float *to = whole ? slots + item->to : y;
		struct chain_at at[3];

		if (item->op == CHAIN_SPREAD) {
			const struct chain_spread *spread = &chain->spreads[item->spread];

			chain_spread(spread, x[spread->input], first, count, to);
			for (uint32_t i = count; whole && i % VEC_WIDTH != 0; i++)
				to[i] = 0; // read along with the last vector
			continue;
		}
		for (uint32_t k = 0; k < 3; k++) {
			const struct chain_operand *in = &item->in[k];

			at[k].p = from[in->from] + in->first;
			at[k].step = in->from == CHAIN_SCALAR ? 0 : VEC_WIDTH;
			at[k].whole = in->from < CHAIN_INPUT;
		}
		chain_operator(item, at, count, to, whole);
	}
}

void VEC_NAME(f32_chain)(const struct chain *chain, size_t count, const void *const *x, float *y)
{
	_Alignas(KERNEL_ALIGN) float slots[CHAIN_VALUES];
	const float
		*from[CHAIN_INPUT + CHAIN_INPUTS_MAX]; // not set beyond the inputs: that takes time
	const size_t period = chain->period ? chain->period : count;
	size_t column = 0;

	assert(chain->n_inputs <= CHAIN_INPUTS_MAX);
	from[CHAIN_SLOT] = slots;
	from[CHAIN_SCALAR] = chain->constants;
	for (size_t first = 0; first < count;) {
		const size_t left =
			period - column < count - first ? period - column : count - first;
		const uint32_t some = left < chain->block ? (uint32_t)left : chain->block;

		from[CHAIN_COLUMN] = chain->constants + column;
		for (uint32_t i = 0; i < chain->n_inputs; i++)
			from[CHAIN_INPUT + i] = (const float *)x[i] + first;
		chain_block(chain, first, some, x, from, slots, y + first);
		first += some;
		column = column + some == period ? 0 : column + some;
	}
}

#endif
