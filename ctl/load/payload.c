// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/load/payload.h"

#include "base/checksum.h"
#include "ctl/load/options.h"
#include "infer/infer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Rounds to nearest even, as IEEE 754 does; a NaN stays one.
static uint16_t payload_f32_to_bf16(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, 4);
	if ((bits & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(bits >> 16 | 0x40);
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static uint16_t payload_f32_to_f16(float value)
{
	uint32_t bits, sign;
	float magnitude;

	memcpy(&bits, &value, 4);
	sign = bits >> 16 & 0x8000;
	magnitude = fabsf(value);
	if (isnan(value))
		return (uint16_t)(sign | 0x7e00);
	if (magnitude >= 65520.0f) // rounds to infinity
		return (uint16_t)(sign | 0x7c00);
	if (magnitude < 0x1p-14f) // subnormal: multiples of 2^-24
		return (uint16_t)(sign | (uint32_t)rintf(magnitude * 0x1p24f));
	bits = (bits & 0x7fffffff) - (112u << 23); // exponent bias 127 to 15
	return (uint16_t)(sign | (bits + 0xfff + (bits >> 13 & 1)) >> 13);
}

static void payload_convert(uint8_t *dst, float value, const struct payload_shape *shape)
{
	const float q = rintf(value / shape->scale + shape->zero);
	uint16_t half;

	switch (shape->dtype) {
	case ROW_DTYPE_F32:
		memcpy(dst, &value, 4);
		break;
	case ROW_DTYPE_F16:
	case ROW_DTYPE_BF16:
		half = shape->dtype == ROW_DTYPE_F16 ? payload_f32_to_f16(value)
						     : payload_f32_to_bf16(value);
		memcpy(dst, &half, 2);
		break;
	case ROW_DTYPE_I8:
		*dst = (uint8_t)(int8_t)fmaxf(-128, fminf(127, q));
		break;
	default:
		*dst = (uint8_t)fmaxf(0, fminf(255, q));
	}
}

static size_t payload_value_bytes(uint32_t dtype)
{
	if (dtype == ROW_DTYPE_F32)
		return 4;
	return dtype == ROW_DTYPE_F16 || dtype == ROW_DTYPE_BF16 ? 2 : 1;
}

static void payloads_fill(struct payloads *payloads, const float *rows)
{
	const struct payload_shape *shape = &payloads->shape;
	const size_t bytes = payload_value_bytes(shape->dtype);

	for (uint32_t i = 0; i < payloads->count; i++) {
		uint8_t *dst = payloads->bytes + (size_t)i * payloads->stride;

		if (shape->n_rows) {
			const float *src =
				rows + (size_t)payload_first_row(payloads, i) * shape->columns;
			const size_t n = (size_t)payload_n_rows(payloads, i) * shape->columns;

			for (size_t k = 0; k < n; k++)
				payload_convert(dst + k * bytes, src[k], shape);
		}
		payloads->sums[i] = checksum_fold(checksum_bytes(0, dst, payloads->stride));
	}
}

int payloads_init(struct payloads *payloads, const float *rows, const struct payload_shape *shape,
	struct error *err)
{
	const uint64_t rows_bytes = shape->n_rows ? (uint64_t)shape->rows_per_request *
			shape->columns * payload_value_bytes(shape->dtype)
						  : 0;
	const uint64_t stride = rows_bytes + shape->pad_bytes;
	const uint32_t count =
		shape->n_rows ? (shape->n_rows - 1) / shape->rows_per_request + 1 : 1;

	memset(payloads, 0, sizeof(*payloads));
	payloads->shape = *shape;
	if (stride + 128 > LOAD_FRAME_MAX)
		return error_set(err, -EINVAL,
			"a request would carry %lu bytes; %d fit: send fewer rows a request",
			(unsigned long)stride, LOAD_FRAME_MAX - 128);
	payloads->stride = (uint32_t)stride;
	payloads->count = count;
	payloads->bytes =
		calloc(1, (size_t)count * stride + 1); // calloc() may give NULL for 0 bytes
	payloads->sums = calloc(count, sizeof(*payloads->sums));
	if (!payloads->bytes || !payloads->sums) {
		payloads_fini(payloads);
		return error_set(err, -ENOMEM, "no memory for %u requests of %lu bytes", count,
			(unsigned long)stride);
	}
	payloads_fill(payloads, rows);
	return 0;
}

void payloads_fini(struct payloads *payloads)
{
	free(payloads->bytes);
	free(payloads->sums);
	memset(payloads, 0, sizeof(*payloads));
}
