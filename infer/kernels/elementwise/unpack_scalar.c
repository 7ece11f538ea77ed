// SPDX-License-Identifier: BSD-3-Clause
// Wire rows to f32. Values are little-endian at any alignment.
#include "infer/kernels/elementwise/unpack.h"
#include "infer/kernels/kernels.h"

#include <assert.h>
#include <string.h>

// IEEE 754 half precision: 1 sign, 5 exponent, 10 fraction bits.
static uint32_t unpack_f16(uint16_t half)
{
	uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 0x1f;
	uint32_t fraction = half & 0x3ff;

	if (exponent == 0x1f) // infinite, or NaN: made quiet, as the vector instructions do
		return sign | 0x7f800000 | fraction << 13 | (fraction ? 0x400000 : 0);
	if (exponent != 0)
		return sign | (exponent + 112) << 23 | fraction << 13;
	if (fraction == 0)
		return sign;
	exponent = 113; // denormal: shift up until the leading bit is the implied one
	for (; !(fraction & 0x400); exponent--)
		fraction <<= 1;
	return sign | exponent << 23 | (fraction & 0x3ff) << 13;
}

static uint32_t unpack_bits(enum row_dtype dtype, const uint8_t *src, size_t i)
{
	uint32_t bits;
	uint16_t half;

	if (dtype == ROW_DTYPE_F32) {
		memcpy(&bits, src + i * 4, 4);
		return bits;
	}
	memcpy(&half, src + i * 2, 2);
	return dtype == ROW_DTYPE_F16 ? unpack_f16(half) : (uint32_t)half << 16;
}

static float unpack_value(
	const struct unpack *unpack, enum row_dtype dtype, const uint8_t *src, size_t i, uint32_t c)
{
	float value;

	if (dtype == ROW_DTYPE_I8)
		return ((float)(int8_t)src[i] - unpack->zero[c]) * unpack->scale[c];
	if (dtype == ROW_DTYPE_U8)
		return ((float)src[i] - unpack->zero[c]) * unpack->scale[c];
	memcpy(&value, &(uint32_t){ unpack_bits(dtype, src, i) }, 4);
	return value;
}

bool f32_unpack__scalar(
	const struct unpack *unpack, enum row_dtype dtype, uint32_t m, const void *src, float *dst)
{
	bool finite = true;
	size_t i = 0;

	assert(dtype < ROW_DTYPE_COUNT);
	for (uint32_t row = 0; row < m; row++) {
		for (uint32_t c = 0; c < unpack->columns; c++, i++) {
			dst[i] = unpack_value(unpack, dtype, src, i, c);
			finite = finite && __builtin_isfinite(dst[i]);
		}
	}
	return finite;
}

KERNEL_TABLE_DEFINE(unpack, UNPACK, KERNEL_ENTRY)
