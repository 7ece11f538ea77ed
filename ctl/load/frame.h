// SPDX-License-Identifier: BSD-3-Clause
// A request's frame from a template, and a reply's frame taken apart. Pure functions of bytes.
// Frames begin at an even address, as DPDK's structures expect.
#pragma once

#include "base/trust/datagram.h"
#include "config/settings.h"
#include "dataplane/wire.h"

#include <rte_common.h>
#include <stdbool.h>
#include <stdint.h>

#define FRAME_HEADERS_MAX (14 + 40 + 8 + WIRE_HEADER_BYTES)

struct frame_peer { // where requests go and where replies must come from
	uint8_t our_mac[6], peer_mac[6];
	struct config_address from, to;
	uint16_t source_port, port; // host order
};

// All that is the same in every request: Ethernet, IP, UDP and wire header.
struct frame_template {
	uint8_t headers[FRAME_HEADERS_MAX] __rte_aligned(2);
	uint16_t headers_bytes;
	uint16_t udp_offset;
	uint16_t payload_bytes; // behind the wire header
	uint16_t trailer_bytes; // behind the payload: of an authenticated request
	// Folded: of all that the UDP checksum covers, but for request_id, rows and payload.
	uint32_t sum;
	struct frame_peer peer;
	struct wire_header wire;
};

// `wire` is the header that every request carries; its request_id and rows are set in frame_write. With its flag of
// authentication there is room for a trailer.
void frame_template_init(struct frame_template *template, const struct frame_peer *peer,
	const struct wire_header *wire, uint16_t payload_bytes);

static inline uint32_t frame_bytes(const struct frame_template *template)
{
	return (uint32_t) template->headers_bytes + template->payload_bytes +
		template->trailer_bytes;
}

// Writes one whole frame of frame_bytes() to `dst`. `payload_sum` is the payload's
// folded sum (payload.h).
void frame_write(const struct frame_template *template, uint8_t *dst, uint64_t request_id,
	uint16_t rows, const uint8_t *payload, uint32_t payload_sum);

// Puts the trailer (docs/wire.md) behind a frame that frame_write() wrote, whose template has room for one.
void frame_seal(const struct frame_template *template, uint8_t *dst,
	const uint8_t secret[KEY_SECRET_BYTES], uint64_t counter);

enum frame_verdict {
	FRAME_REPLY,        // to us, from the peer's address and port, checksums right
	FRAME_OTHER,        // anything that is not such a datagram
	FRAME_BAD_CHECKSUM, // IPv4 or UDP
	FRAME_MALFORMED,    // lengths that do not fit the frame, or no wire header in it
};

struct frame_reply {
	const struct wire_header *wire; // into the frame, unaligned
	const uint8_t *payload;
	uint32_t payload_bytes;
};

enum frame_verdict frame_read(const struct frame_template *template, const uint8_t *frame,
	uint32_t size, struct frame_reply *reply);
