// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/kernels/elementwise/binary.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/vec/vec.h"

#include <assert.h>

#ifdef VEC_WIDTH

VEC_INLINE vec binary_apply(enum binary_op op, vec a, vec b)
{
	switch (op) {
	case BINARY_ADD:
		return vec_add(a, b);
	case BINARY_SUB:
		return vec_sub(a, b);
	case BINARY_MUL:
		return vec_mul(a, b);
	default:
		return vec_div(a, b);
	}
}

// One row of `count` values; a scalar operand's step is 0.
VEC_INLINE void binary_row(enum binary_op op, size_t count, const float *a, bool a_scalar,
	const float *b, bool b_scalar, float *y)
{
	const vec a_all = vec_set1(a_scalar ? *a : 0.0f), b_all = vec_set1(b_scalar ? *b : 0.0f);
	size_t i = 0;

	for (; count - i >= VEC_WIDTH; i += VEC_WIDTH)
		vec_store(y + i,
			binary_apply(op, a_scalar ? a_all : vec_load(a + i),
				b_scalar ? b_all : vec_load(b + i)));
	if (i < count) {
		vec_mask mask = vec_first((uint32_t)(count - i));

		vec_store_mask(y + i, mask,
			binary_apply(op, a_scalar ? a_all : vec_load_mask(a + i, mask),
				b_scalar ? b_all : vec_load_mask(b + i, mask)));
	}
}

VEC_INLINE void binary_rows(enum binary_op op, const struct binary *binary, uint32_t m,
	const float *a, const float *b, float *y)
{
	const bool a_scalar = binary->a == OPERAND_SCALAR, b_scalar = binary->b == OPERAND_SCALAR;
	const size_t columns = binary->columns;
	const size_t a_row = binary->a == OPERAND_FULL ? columns : 0;
	const size_t b_row = binary->b == OPERAND_FULL ? columns : 0;

	if (binary->a != OPERAND_COLUMNS && binary->b != OPERAND_COLUMNS) {
		if (m * columns > 0)
			binary_row(op, m * columns, a, a_scalar, b, b_scalar, y);
		return;
	}
	for (uint32_t row = 0; row < m && columns > 0; row++, a += a_row, b += b_row, y += columns)
		binary_row(op, columns, a, a_scalar, b, b_scalar, y);
}

void VEC_NAME(f32_binary)(
	const struct binary *binary, uint32_t m, const float *a, const float *b, float *y)
{
	assert(binary->op < BINARY_COUNT);
	switch (binary->op) {
	case BINARY_ADD:
		binary_rows(BINARY_ADD, binary, m, a, b, y);
		break;
	case BINARY_SUB:
		binary_rows(BINARY_SUB, binary, m, a, b, y);
		break;
	case BINARY_MUL:
		binary_rows(BINARY_MUL, binary, m, a, b, y);
		break;
	default:
		binary_rows(BINARY_DIV, binary, m, a, b, y);
		break;
	}
}

#endif
