// SPDX-License-Identifier: BSD-3-Clause
// Arithmetic of two operands. The contract is kernels.h's.
#pragma once

#include "infer/kernels/kernels.h"

enum binary_op { BINARY_ADD, BINARY_SUB, BINARY_MUL, BINARY_DIV, BINARY_COUNT };
enum operand {
	OPERAND_FULL,    // [m][columns]
	OPERAND_COLUMNS, // [columns], the same for all rows
	OPERAND_SCALAR,  // [1], the same for all rows
	OPERAND_COUNT,
};

// y[m][columns] = a op b. y may be a or b where that one is OPERAND_FULL.
struct binary {
	enum binary_op op;
	enum operand a, b;
	uint32_t columns;
};
typedef void binary_fn(
	const struct binary *binary, uint32_t m, const float *a, const float *b, float *y);
#define BINARY_LIST(X) X(f32_binary__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_binary)
#define X(name, isa)   binary_fn name;
BINARY_LIST(X)
#undef X
KERNEL_FAMILY(binary, BINARY)
