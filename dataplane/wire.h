// SPDX-License-Identifier: BSD-3-Clause
// The scoring protocol over UDP: one datagram is a request, one its reply, all integers and floats
// are little-endian. docs/wire.md documents it for the authors of clients.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WIRE_UDP_PORT     7797
#define WIRE_MAGIC_0      0x4d // 'M'
#define WIRE_MAGIC_1      0x4c // 'L'
#define WIRE_VERSION      1
#define WIRE_HEADER_BYTES 32

enum wire_type {
	WIRE_TYPE_SCORE = 1,
	WIRE_TYPE_RESULT = 2,
	WIRE_TYPE_PING = 3,
	WIRE_TYPE_PONG = 4,
};

#define WIRE_FLAG_PRIORITY      (1u << 0)
#define WIRE_FLAG_AUTHENTICATED (1u << 1)

// X(NAME, code, "NAME")
#define WIRE_STATUS_LIST(X)                                                                        \
	X(WIRE_STATUS_OK, 0, "OK")                                                                 \
	X(WIRE_STATUS_BAD_REQUEST, 1, "BAD_REQUEST")                                               \
	X(WIRE_STATUS_NO_MODEL, 2, "NO_MODEL")                                                     \
	X(WIRE_STATUS_BAD_SHAPE, 3, "BAD_SHAPE")                                                   \
	X(WIRE_STATUS_BUSY, 4, "BUSY")                                                             \
	X(WIRE_STATUS_EXPIRED, 5, "EXPIRED")                                                       \
	X(WIRE_STATUS_NOT_READY, 6, "NOT_READY")                                                   \
	X(WIRE_STATUS_REPLY_TOO_LARGE, 7, "REPLY_TOO_LARGE")                                       \
	X(WIRE_STATUS_FORBIDDEN, 8, "FORBIDDEN")                                                   \
	X(WIRE_STATUS_NOT_FINITE, 9, "NOT_FINITE")

enum wire_status {
#define X(name, code, text) name = code,
	WIRE_STATUS_LIST(X)
#undef X
		WIRE_STATUS_COUNT
};

static inline const char *wire_status_name(unsigned status)
{
	static const char *const NAMES[] = {
#define X(name, code, text) [code] = text,
		WIRE_STATUS_LIST(X)
#undef X
	};
	return status < WIRE_STATUS_COUNT ? NAMES[status] : "UNKNOWN";
}

struct wire_header {
	uint8_t magic[2];
	uint8_t version;
	uint8_t type;
	uint16_t model;
	uint16_t model_version;
	uint64_t request_id;
	uint16_t rows;
	uint16_t columns;
	uint8_t dtype; // enum row_dtype
	uint8_t status;
	uint8_t flags;
	uint8_t reserved_8;
	union {
		uint32_t budget_us; // in a request
		uint32_t server_ns; // in a reply
	};
	uint16_t key_id;
	uint16_t reserved_16;
} __attribute__((packed));
_Static_assert(sizeof(struct wire_header) == WIRE_HEADER_BYTES, "docs/wire.md: 32 bytes");
_Static_assert(
	__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fields are used as they lie in the packet");

static inline bool wire_has_magic(const struct wire_header *header)
{
	return header->magic[0] == WIRE_MAGIC_0 && header->magic[1] == WIRE_MAGIC_1;
}

// Of a request: status, reserved fields and unknown flags are 0.
static inline bool wire_reserved_is_zero(const struct wire_header *header)
{
	const uint8_t known = WIRE_FLAG_PRIORITY | WIRE_FLAG_AUTHENTICATED;

	return !(header->status | (header->flags & (uint8_t)~known) | header->reserved_8 |
		header->reserved_16);
}

// Whether it is a request to score whose values are all in its payload; `value_bytes`: of one of its dtype,
// 0 where that is unknown.
static inline bool wire_request_is_whole(
	const struct wire_header *header, uint64_t value_bytes, uint64_t payload_bytes)
{
	return header->type == WIRE_TYPE_SCORE && header->rows && header->columns && value_bytes &&
		WIRE_HEADER_BYTES + (uint64_t)header->rows * header->columns * value_bytes <=
		payload_bytes;
}
