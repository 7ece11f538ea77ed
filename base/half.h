// SPDX-License-Identifier: BSD-3-Clause
// IEEE 754's binary16: 1 sign, 5 exponent, 10 fraction bits.
#pragma once

#include <stdint.h>
#include <string.h>

// The same as a float, which holds each of them, NaN's bits too.
static inline float half_to(uint16_t half)
{
	const uint32_t sign = (uint32_t)(half >> 15) << 31, exponent = half >> 10 & 31,
		       fraction = half & 1023;
	uint32_t bits = sign | (exponent + 112) << 23 | fraction << 13;
	float value;

	if (exponent == 0)
		return (sign ? -0x1p-24f : 0x1p-24f) * (float)fraction;
	if (exponent == 31)
		bits = sign | 0x7f800000u | fraction << 13;
	memcpy(&value, &bits, sizeof(value));
	return value;
}
