// SPDX-License-Identifier: BSD-3-Clause
// bfloat16 and back, as the processors' instructions convert. Pure functions, any thread.
#pragma once

#include <stdint.h>
#include <string.h>

// To nearest, ties to even; what is nearer to 0 than 2^-126 becomes 0, as vcvtneps2bf16 has it.
static inline uint16_t bf16_of(float value)
{
	uint32_t bits, size;

	memcpy(&bits, &value, sizeof(bits));
	size = bits & 0x7fffffff;
	if (size > 0x7f800000) // NaN stays one
		return (uint16_t)(bits >> 16 | 0x40);
	if (size < 0x00800000)
		return (uint16_t)(bits >> 16 & 0x8000);
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float bf16_to(uint16_t value)
{
	const uint32_t bits = (uint32_t)value << 16;
	float result;

	memcpy(&result, &bits, sizeof(result));
	return result;
}
