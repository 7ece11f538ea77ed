// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/elementwise/chain.h"

#include <math.h>

static float chain_less(float a, float b)
{
	return isnan(a) || isnan(b) ? NAN : a < b ? a : b;
}

static float chain_two(enum chain_op op, float a, float b)
{
	switch (op) {
	case CHAIN_ADD:
		return a + b;
	case CHAIN_SUB:
		return a - b;
	case CHAIN_MUL:
		return a * b;
	case CHAIN_DIV:
		return a / b;
	case CHAIN_MIN:
		return chain_less(a, b);
	case CHAIN_MAX:
		return -chain_less(-a, -b);
	case CHAIN_LESS:
		return a < b;
	case CHAIN_LESS_OR_EQUAL:
		return a <= b;
	case CHAIN_EQUAL:
		return a == b;
	case CHAIN_AND:
		return a != 0 && b != 0;
	case CHAIN_OR:
		return a != 0 || b != 0;
	case CHAIN_XOR:
		return (a != 0) != (b != 0);
	default:
		return a < 0 ? a * b : a; // CHAIN_PRELU
	}
}

static float chain_one(enum chain_op op, const struct act *act, float a)
{
	switch (op) {
	case CHAIN_NOT:
		return a == 0;
	case CHAIN_TRUTH:
		return a != 0;
	case CHAIN_IS_NAN:
		return isnan(a);
	case CHAIN_NEG:
		return -a;
	case CHAIN_ABS:
		return fabsf(a);
	case CHAIN_SIGN:
		return a > 0 ? 1 : a < 0 ? -1 : a;
	case CHAIN_FLOOR:
		return floorf(a);
	case CHAIN_CEIL:
		return ceilf(a);
	case CHAIN_ROUND:
		return nearbyintf(a);
	case CHAIN_RECIPROCAL:
		return 1 / a;
	case CHAIN_SQRT:
		return sqrtf(a);
	case CHAIN_POW_HALF:
		return powf(a, 0.5f);
	case CHAIN_EXP:
		return expf(a);
	case CHAIN_LOG:
		return logf(a);
	case CHAIN_ERF:
		return erff(a);
	default:
		return act_f32(act, a); // CHAIN_ACT
	}
}

static float chain_apply(const struct chain_operator *item, float a, float b, float c)
{
	switch (item->op) {
	case CHAIN_AFFINE:
		return fmaf(a, b, c);
	case CHAIN_PICK:
		return a != 0 ? b : c;
	default:
		return item->op <= CHAIN_PRELU ? chain_two(item->op, a, b)
					       : chain_one(item->op, &item->act, a);
	}
}

static float chain_operand(const struct chain *chain, const struct chain_operand *in,
	const void *const *x, const float *slots, size_t i)
{
	switch (in->from) {
	case CHAIN_SLOT:
		return slots[in->first];
	case CHAIN_SCALAR:
		return chain->constants[in->first];
	case CHAIN_COLUMN:
		return chain->constants[in->first + i % chain->period];
	default:
		return ((const float *)x[in->from - CHAIN_INPUT])[i];
	}
}

void f32_chain__scalar(const struct chain *chain, size_t count, const void *const *x, float *y)
{
	float slots[CHAIN_VALUES];

	for (size_t i = 0; i < count; i++) {
		for (uint32_t o = 0; o < chain->n_operators; o++) {
			const struct chain_operator *item = &chain->operators[o];
			const struct chain_spread *spread = &chain->spreads[item->spread];
			float *to = o + 1 < chain->n_operators ? &slots[item->to] : &y[i];
			float in[3];

			if (item->op == CHAIN_SPREAD) {
				chain_spread(spread, x[spread->input], i, 1, to);
				continue;
			}
			for (uint32_t k = 0; k < 3; k++)
				in[k] = chain_operand(chain, &item->in[k], x, slots, i);
			*to = chain_apply(item, in[0], in[1], in[2]);
		}
	}
}

KERNEL_TABLE_DEFINE(chain, CHAIN, KERNEL_ENTRY)
