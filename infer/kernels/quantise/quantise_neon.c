// SPDX-License-Identifier: BSD-3-Clause
// The scalar kernel's formula, eight values at a time.
#include "infer/kernels/quantise/qdense.h"
#include "infer/kernels/quantise/quantise.h"

#include <arm_neon.h>
#include <string.h>

static inline uint16x4_t quantise_four(const struct quantise *quantise, const float *from)
{
	const float low = quantise->is_signed ? -128.0f : 0.0f;
	float32x4_t q = vrndnq_f32(vdivq_f32(vld1q_f32(from), vdupq_n_f32(quantise->scale)));

	q = vaddq_f32(q, vdupq_n_f32((float)quantise->zero));
	q = vbslq_f32(vceqq_f32(q, q), q, vdupq_n_f32(0.0f)); // NaN is 0
	q = vminq_f32(vmaxq_f32(q, vdupq_n_f32(low)), vdupq_n_f32(low + 255.0f));
	// The low bytes: signed or not, the bits are the same.
	return vmovn_u32(vreinterpretq_u32_s32(vcvtq_s32_f32(q)));
}

static inline uint8x8_t quantise_eight_neon(const struct quantise *quantise, const float *from)
{
	return vmovn_u16(
		vcombine_u16(quantise_four(quantise, from), quantise_four(quantise, from + 4)));
}

void f32_quantise__neon(const struct quantise *quantise, size_t count, const float *x, uint8_t *y)
{
	float rest[8] = { 0 };
	uint8_t bytes[8];

	for (; count >= 8; count -= 8, x += 8, y += 8)
		vst1_u8(y, quantise_eight_neon(quantise, x));
	if (count == 0)
		return;
	memcpy(rest, x, count * sizeof(*x));
	vst1_u8(bytes, quantise_eight_neon(quantise, rest));
	memcpy(y, bytes, count);
}
