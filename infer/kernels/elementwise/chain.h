// SPDX-License-Identifier: BSD-3-Clause
// Operators that compute value by value, one after the other over a block of values that stays in
// the first-level cache: a graph of many tiny operators pays neither a step nor a pass over memory
// for each. The contract is kernels.h's.
#pragma once

#include "infer/graph/act.h"
#include "infer/kernels/elementwise/chain_spread.h"
#include "infer/kernels/kernels.h"

// Of up to three operands a, b, c. Truths are 1 and 0; what is not 0 is true.
#define CHAIN_FORMULA_LIST(X)                                                                      \
	X(CHAIN_ADD)                                                                               \
	X(CHAIN_SUB)                                                                               \
	X(CHAIN_MUL)                                                                               \
	X(CHAIN_DIV)                                                                               \
	X(CHAIN_MIN) /* NaN where one of the two is */                                             \
	X(CHAIN_MAX) /* the same */                                                                \
	X(CHAIN_LESS)                                                                              \
	X(CHAIN_LESS_OR_EQUAL)                                                                     \
	X(CHAIN_EQUAL)                                                                             \
	X(CHAIN_AND)                                                                               \
	X(CHAIN_OR)                                                                                \
	X(CHAIN_XOR)                                                                               \
	X(CHAIN_PRELU)  /* a < 0 ? a * b : a */                                                    \
	X(CHAIN_AFFINE) /* a * b + c, rounded once */                                              \
	X(CHAIN_PICK)   /* a ? b : c */                                                            \
	X(CHAIN_NOT)                                                                               \
	X(CHAIN_TRUTH) /* a != 0 */                                                                \
	X(CHAIN_IS_NAN)                                                                            \
	X(CHAIN_NEG)                                                                               \
	X(CHAIN_ABS)                                                                               \
	X(CHAIN_SIGN)                                                                              \
	X(CHAIN_FLOOR)                                                                             \
	X(CHAIN_CEIL)                                                                              \
	X(CHAIN_ROUND) /* ties to even */                                                          \
	X(CHAIN_RECIPROCAL)                                                                        \
	X(CHAIN_SQRT)                                                                              \
	X(CHAIN_POW_HALF) /* pow(a, 0.5): not the root of -0 and -infinity */                      \
	X(CHAIN_EXP)                                                                               \
	X(CHAIN_LOG)                                                                               \
	X(CHAIN_ERF)
enum chain_op {
#define X(op) op,
	CHAIN_FORMULA_LIST(X)
#undef X
		CHAIN_ACT, // the operator's `act`; ACTIVATION_NONE copies
	CHAIN_SPREAD,      // the operator's `spread`
	CHAIN_OP_COUNT,
};

#define CHAIN_INPUTS_MAX 32
#define CHAIN_SLOTS_MAX  40
#define CHAIN_VALUES     4096 // of all slots
#define CHAIN_BLOCK_MAX  512
#define CHAIN_PAD        16 // a vector, at most

// Where an operand is: a constant, the same for every value of the result or for every one of its
// column; what an operator before wrote; or, from CHAIN_INPUT on, an input, of which there is a float
// for each value of the result.
enum chain_from { CHAIN_SLOT, CHAIN_SCALAR, CHAIN_COLUMN, CHAIN_INPUT };
struct chain_operand {
	uint32_t from;  // CHAIN_INPUT + i: input i
	uint32_t first; // float: slot * block, or of the constants; of an input 0
};
// Few bytes, as thousands of them pass through the caches for each block.
struct chain_operator {
	enum chain_op op;
	uint32_t to; // the first float of a slot; of the last operator of the chain: not read
	struct chain_operand in[3];
	struct act act;
	uint32_t spread; // index
};
struct chain {
	const struct chain_operator *operators; // [n_operators]
	const struct chain_spread *spreads;
	const float *constants; // scalars [CHAIN_PAD], columns [period + CHAIN_PAD]
	uint32_t n_operators, n_inputs;
	uint32_t block;  // values at a time: a multiple of CHAIN_PAD
	uint32_t period; // of the columns: value i of the result has i % period. 0: there are none
};

// The result is y[count]; x[i] is input i. Not in place.
typedef void chain_fn(const struct chain *chain, size_t count, const void *const *x, float *y);
#define CHAIN_LIST(X) X(f32_chain__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_chain)
#define X(name, isa)  chain_fn name;
CHAIN_LIST(X)
#undef X
KERNEL_FAMILY(chain, CHAIN)
