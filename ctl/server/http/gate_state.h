// SPDX-License-Identifier: BSD-3-Clause
// The gate as its files see it: gate.c, which has the doors and lets in, and gate_room.c, which says for whom
// there is room. Control thread only.
#pragma once

#include "ctl/server/http/gate_address.h"
#include "ctl/server/http/gate_limits.h"

#include <sys/queue.h>

#define ADDRESS_BUCKETS 256

struct pace;

enum gate_warning {
	GATE_NO_DESCRIPTORS,
	GATE_NO_CONNECTIONS,
	GATE_CLOSES_SILENT,
	GATE_NO_MEMORY,
	GATE_FORBIDS,
	GATE_HANDSHAKE_RATE,
	GATE_HANDSHAKES_FULL,
	GATE_WARNINGS
};

struct gate_member {
	struct gate *gate;
	struct connection *connection;
	struct gate_address address;        // family 0: a UNIX socket
	int door;                           // its socket
	bool is_late;                       // it came after gate_drain()
	bool is_securing;                   // TLS is not agreed on yet
	uint64_t came_ms;                   // deadline_now_ms()
	TAILQ_ENTRY(gate_member) by_age;    // since its phase began: the first one's is the oldest
	TAILQ_ENTRY(gate_member) by_coming; // of those that are securing
	LIST_ENTRY(gate_member) by_address;
};

struct gate_listening {
	struct gate *gate;
	struct gate_door door;
	struct event *accept;
	bool is_shut; // until gate_tick() opens it
	LIST_ENTRY(gate_listening) next;
};

TAILQ_HEAD(gate_list, gate_member);

struct gate {
	struct connection_shared shared;
	LIST_HEAD(, gate_listening) doors;
	struct gate_list members, securing;
	LIST_HEAD(gate_bucket, gate_member) addresses[ADDRESS_BUCKETS];
	uint32_t connections, connections_max;
	uint32_t n_remote; // of them, over a network
	uint32_t address_max;
	uint32_t n_securing, handshakes_max;
	uint32_t handshakes_per_second; // of an address
	struct pace *handshakes;
	uint64_t accepted, pauses;
	uint64_t bodies_said;            // bodies refused when it was last looked at
	bool is_full;                    // somebody waits, and there is nobody to close for him
	bool has_no_descriptors;         // since the last try to accept
	uint64_t said_ms[GATE_WARNINGS]; // 0: never
};
