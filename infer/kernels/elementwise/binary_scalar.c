// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/elementwise/binary.h"
#include "infer/kernels/kernels.h"

#include <assert.h>

static float binary_one(enum binary_op op, float a, float b)
{
	switch (op) {
	case BINARY_ADD:
		return a + b;
	case BINARY_SUB:
		return a - b;
	case BINARY_MUL:
		return a * b;
	default:
		return a / b;
	}
}

void f32_binary__scalar(
	const struct binary *binary, uint32_t m, const float *a, const float *b, float *y)
{
	size_t columns = binary->columns;
	size_t a_row = binary->a == OPERAND_FULL ? columns : 0;
	size_t b_row = binary->b == OPERAND_FULL ? columns : 0;
	size_t a_step = binary->a != OPERAND_SCALAR, b_step = binary->b != OPERAND_SCALAR;

	assert(binary->op < BINARY_COUNT);
	for (uint32_t row = 0; row < m; row++, a += a_row, b += b_row, y += columns)
		for (size_t i = 0; i < columns; i++)
			y[i] = binary_one(binary->op, a[i * a_step], b[i * b_step]);
}

KERNEL_TABLE_DEFINE(binary, BINARY, KERNEL_ENTRY)
