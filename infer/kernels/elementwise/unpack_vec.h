// SPDX-License-Identifier: BSD-3-Clause
// Wire rows to f32, VEC_WIDTH values at a time. f32, f16 and bf16 need no columns and so are taken
// as one long row.
#pragma once

#include "infer/kernels/elementwise/unpack.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/vec/vec.h"

#include <assert.h>

#ifdef VEC_WIDTH

// `count` values, [1, VEC_WIDTH], to the first lanes of a vector.
VEC_INLINE vec unpack_some(enum row_dtype dtype, const uint8_t *src, uint32_t count)
{
	switch (dtype) {
	case ROW_DTYPE_F16:
		return vec_load_f16(src, count);
	case ROW_DTYPE_BF16:
		return vec_load_bf16(src, count);
	case ROW_DTYPE_I8:
		return vec_load_i8(src, count);
	case ROW_DTYPE_U8:
		return vec_load_u8(src, count);
	default:
		return vec_load_f32(src, count);
	}
}

VEC_INLINE bool unpack_flat(
	enum row_dtype dtype, size_t bytes, size_t count, const uint8_t *src, float *dst)
{
	uint32_t bad = 0;

	for (; count >= VEC_WIDTH; count -= VEC_WIDTH, src += VEC_WIDTH * bytes, dst += VEC_WIDTH) {
		vec v = unpack_some(dtype, src, VEC_WIDTH);

		bad |= vec_not_finite(v);
		vec_store(dst, v);
	}
	if (count > 0) {
		vec v = unpack_some(dtype, src, (uint32_t)count);

		bad |= vec_not_finite(v);
		vec_store_mask(dst, vec_first((uint32_t)count), v);
	}
	return bad == 0;
}

VEC_INLINE bool unpack_bytes(const struct unpack *unpack, enum row_dtype dtype, uint32_t m,
	const uint8_t *src, float *dst)
{
	const uint32_t columns = unpack->columns, whole = columns - columns % VEC_WIDTH;
	const vec_mask rest = vec_first(columns - whole);
	uint32_t bad = 0;

	for (uint32_t row = 0; row < m; row++, src += columns, dst += columns) {
		for (uint32_t c = 0; c < whole; c += VEC_WIDTH) {
			vec v = vec_sub(
				unpack_some(dtype, src + c, VEC_WIDTH), vec_load(unpack->zero + c));

			v = vec_mul(v, vec_load(unpack->scale + c));
			bad |= vec_not_finite(v);
			vec_store(dst + c, v);
		}
		if (whole < columns) {
			vec v = vec_sub(unpack_some(dtype, src + whole, columns - whole),
				vec_load_mask(unpack->zero + whole, rest));

			v = vec_mul(v, vec_load_mask(unpack->scale + whole, rest));
			bad |= vec_not_finite(v);
			vec_store_mask(dst + whole, rest, v);
		}
	}
	return bad == 0;
}

bool VEC_NAME(f32_unpack)(
	const struct unpack *unpack, enum row_dtype dtype, uint32_t m, const void *src, float *dst)
{
	const size_t count = (size_t)m * unpack->columns;

	assert(dtype < ROW_DTYPE_COUNT);
	switch (dtype) {
	case ROW_DTYPE_F16:
		return unpack_flat(ROW_DTYPE_F16, 2, count, src, dst);
	case ROW_DTYPE_BF16:
		return unpack_flat(ROW_DTYPE_BF16, 2, count, src, dst);
	case ROW_DTYPE_I8:
		return unpack_bytes(unpack, ROW_DTYPE_I8, m, src, dst);
	case ROW_DTYPE_U8:
		return unpack_bytes(unpack, ROW_DTYPE_U8, m, src, dst);
	default:
		return unpack_flat(ROW_DTYPE_F32, 4, count, src, dst);
	}
}

#endif
