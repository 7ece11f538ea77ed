// SPDX-License-Identifier: BSD-3-Clause
#define MASKS_SIGN 0
#include "infer/kernels/trees/trees_masks_32.h"

#include <arm_neon.h>

#define GROUPS 8 // of 4 floats

static inline void masks_count(
	const float *x, const float *thresholds, uint32_t count, int32_t counts[ROWS])
{
	uint32x4_t n[GROUPS];

	for (int g = 0; g < GROUPS; g++)
		n[g] = vdupq_n_u32(0);
	for (uint32_t i = 0; i < count; i++) {
		const float32x4_t threshold = vdupq_n_f32(thresholds[i]);

#pragma GCC unroll 8
		for (int g = 0; g < GROUPS; g++)
			n[g] = vsubq_u32(n[g], vcgeq_f32(vld1q_f32(x + 4 * g), threshold));
	}
	for (int g = 0; g < GROUPS; g++)
		vst1q_s32(counts + 4 * g, vreinterpretq_s32_u32(n[g]));
}

static inline uint8x16_t masks_bit_of_lane(void)
{
	return vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201u));
}

// Pairs are added until each byte of the mask is the sum of its 8 bits.
static inline uint32_t masks_below(const uint8_t *ranks, uint32_t below)
{
	const uint8x16_t bytes = vreinterpretq_u8_u32(vdupq_n_u32(below)),
			 bits = masks_bit_of_lane();
	const uint8x16_t low = vandq_u8(vcltq_u8(vld1q_u8(ranks), bytes), bits);
	const uint8x16_t high = vandq_u8(vcltq_u8(vld1q_u8(ranks + 16), bytes), bits);
	uint8x16_t sums = vpaddq_u8(low, high);

	sums = vpaddq_u8(sums, sums);
	sums = vpaddq_u8(sums, sums);
	return vgetq_lane_u32(vreinterpretq_u32_u8(sums), 0);
}

// A byte of `value` for each bit of 16 rows.
static inline uint8x16_t masks_spread(uint32_t rows, uint8_t value)
{
	const uint8x16_t bytes =
		vcombine_u8(vdup_n_u8((uint8_t)rows), vdup_n_u8((uint8_t)(rows >> 8)));

	return vandq_u8(vtstq_u8(bytes, masks_bit_of_lane()), vdupq_n_u8(value));
}

static inline void masks_leaves(const uint32_t *bits, uint32_t n_leaves, uint8_t leaves[ROWS])
{
	uint8x16_t low = vdupq_n_u8(0), high = low;

	for (uint32_t b = 0; (1u << b) < n_leaves; b++) {
		low = vorrq_u8(low, masks_spread(bits[b], (uint8_t)(1 << b)));
		high = vorrq_u8(high, masks_spread(bits[b] >> 16, (uint8_t)(1 << b)));
	}
	vst1q_u8(leaves, low);
	vst1q_u8(leaves + 16, high);
}

void u8_trees_32__neon(
	const void *packed, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	masks_run(packed, m, x, ldx, y, ldy);
}
