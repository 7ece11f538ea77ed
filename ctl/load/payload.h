// SPDX-License-Identifier: BSD-3-Clause
// Rows made ready for the wire: converted to the requests' dtype, grouped into requests and padded
// to one length; the sum of each, for its checksum, is added up beforehand.
#pragma once

#include "base/error.h"

#include <stdint.h>

struct payload_shape {
	uint32_t n_rows, columns; // 0 rows: one payload of padding only
	uint32_t rows_per_request;
	uint32_t dtype;    // enum row_dtype
	float scale, zero; // i8 and u8: q = round(value / scale + zero), saturating
	uint32_t pad_bytes;
};

struct payloads {
	struct payload_shape shape;
	uint32_t count;  // the last one may hold fewer rows
	uint32_t stride; // bytes of each, the same for all
	uint8_t *bytes;  // [count][stride]
	uint32_t *sums;  // [count]: the checksum's folded sum of each
};

// `rows` is f32 [n_rows][columns]. -EINVAL where a request would be too long, -ENOMEM.
int payloads_init(struct payloads *payloads, const float *rows, const struct payload_shape *shape,
	struct error *err);
void payloads_fini(struct payloads *payloads);

static inline const uint8_t *payload_at(const struct payloads *payloads, uint32_t index)
{
	return payloads->bytes + (size_t)index * payloads->stride;
}

// The first row of payload `index`, and how many rows it holds.
static inline uint32_t payload_first_row(const struct payloads *payloads, uint32_t index)
{
	return index * payloads->shape.rows_per_request;
}

static inline uint32_t payload_n_rows(const struct payloads *payloads, uint32_t index)
{
	const uint32_t left = payloads->shape.n_rows - payload_first_row(payloads, index);

	return left < payloads->shape.rows_per_request ? left : payloads->shape.rows_per_request;
}
