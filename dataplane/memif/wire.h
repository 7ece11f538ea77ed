// SPDX-License-Identifier: BSD-3-Clause
// memif as two processes speak it: messages over a UNIX socket, and rings in memory that they share.
// Version 2.0 of the protocol, as libmemif, VPP and DPDK have it (libmemif's memif.h): numbers in
// the machine's own order. A server offers no memory: the client shares its regions, says where in
// them the rings lie, and both move descriptors through these.
#pragma once

#include <stdint.h>

#define MEMIF_COOKIE       0x3e31f20u // at the head of each ring
#define MEMIF_VERSION      0x200      // 2.0
#define MEMIF_NAME_BYTES   32
#define MEMIF_SECRET_BYTES 24
#define MEMIF_REASON_BYTES 96

enum memif_type {
	MEMIF_NONE,
	MEMIF_ACK,
	MEMIF_HELLO,      // server: what it can
	MEMIF_INIT,       // client: which interface it wants
	MEMIF_ADD_REGION, // client, with the descriptor of the memory
	MEMIF_ADD_RING,   // client, with an eventfd that is rung when something is in the ring
	MEMIF_CONNECT,    // client: that was all
	MEMIF_CONNECTED,  // server
	MEMIF_DISCONNECT, // either
};

#define MEMIF_MODE_ETHERNET 0
#define MEMIF_RING_IS_C2S   1 // flag of MEMIF_ADD_RING: client to server

struct memif_hello {
	uint8_t name[MEMIF_NAME_BYTES];
	uint16_t min_version, max_version;
	uint16_t max_region, max_s2c_ring, max_c2s_ring; // highest index
	uint8_t max_log2_ring_size;
} __attribute__((packed));

struct memif_init {
	uint16_t version;
	uint32_t id;
	uint8_t mode;
	uint8_t secret[MEMIF_SECRET_BYTES];
	uint8_t name[MEMIF_NAME_BYTES];
} __attribute__((packed));

struct memif_add_region {
	uint16_t index;
	uint64_t size;
} __attribute__((packed));

struct memif_add_ring {
	uint16_t flags, index, region;
	uint32_t offset;
	uint8_t log2_ring_size;
	uint16_t private_header_bytes;
} __attribute__((packed));

struct memif_connect { // and MEMIF_CONNECTED
	uint8_t name[MEMIF_NAME_BYTES];
} __attribute__((packed));

struct memif_disconnect {
	uint32_t code;
	uint8_t reason[MEMIF_REASON_BYTES];
} __attribute__((packed));

struct memif_message {
	uint16_t type;
	union {
		struct memif_hello hello;
		struct memif_init init;
		struct memif_add_region add_region;
		struct memif_add_ring add_ring;
		struct memif_connect connect;
		struct memif_disconnect disconnect;
		uint8_t bytes[126];
	};
} __attribute__((packed));
_Static_assert(sizeof(struct memif_message) == 128, "a message has 128 bytes");

#define MEMIF_DESCRIPTOR_NEXT 1 // the frame goes on in the next descriptor

struct memif_descriptor {
	uint16_t flags;
	uint16_t region;
	uint32_t length;
	uint32_t offset; // in the region
	uint32_t metadata;
};
_Static_assert(sizeof(struct memif_descriptor) == 16, "a descriptor has 16 bytes");

#define MEMIF_RING_NO_INTERRUPT                                                                    \
	1 // flag of a ring: who takes from it polls, and wants no eventfd rung

// Client to server the client writes `head` and the server `tail`, which is as far as it has read.
// Server to client the client writes `head`, up to which there are empty buffers, and the server
// `tail`, up to which they are filled. Both run through all 65536 values.
struct memif_ring_memory {
	uint32_t cookie;
	uint16_t flags;
	uint16_t head;
	uint8_t fill_head[56];
	uint16_t tail;
	uint8_t fill_tail[62];
	struct memif_descriptor descriptors[];
};
_Static_assert(sizeof(struct memif_ring_memory) == 128, "descriptors begin at byte 128");
