// SPDX-License-Identifier: BSD-3-Clause
// 16 bytes at a time, each quarter of the table by itself: an index beyond a quarter leaves what is there.
#include "infer/kernels/quantise/lookup.h"

#include <arm_neon.h>
#include <string.h>

static inline uint8x16_t lookup_16(const uint8x16x4_t quarters[4], uint8x16_t at)
{
	uint8x16_t value = vqtbl4q_u8(quarters[0], at);

	for (uint32_t q = 1; q < 4; q++) {
		at = vsubq_u8(at, vdupq_n_u8(64));
		value = vqtbx4q_u8(value, quarters[q], at);
	}
	return value;
}

void q8_lookup__neon(const uint8_t *table, size_t count, const uint8_t *x, uint8_t *y)
{
	const uint8x16x4_t quarters[4] = { vld1q_u8_x4(table), vld1q_u8_x4(table + 64),
		vld1q_u8_x4(table + 128), vld1q_u8_x4(table + 192) };
	uint8_t rest[16] = { 0 };

	for (; count >= 16; count -= 16, x += 16, y += 16)
		vst1q_u8(y, lookup_16(quarters, vld1q_u8(x)));
	memcpy(rest, x, count);
	vst1q_u8(rest, lookup_16(quarters, vld1q_u8(rest)));
	memcpy(y, rest, count);
}
