// SPDX-License-Identifier: BSD-3-Clause
// What a gate is told: how much it lets in, and where it listens.
#pragma once

#include "ctl/server/http/connection.h"
#include "ctl/server/http/tls.h"

#include "base/trust/role.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gate_limits {
	struct connection_limits each;
	uint32_t connections;
	uint32_t address_connections;   // over a network; of IPv6 a /64 counts as one address
	uint32_t handshakes;            // of TLS, under way
	uint32_t handshakes_per_second; // ... begun by an address, and as many at once
	// Of all bodies together, from their first byte to their reply, and of answers until they have left.
	size_t bodies_bytes;
};

struct gate_door {         // a socket that listens
	int fd;            // becomes the gate's
	unsigned serves;   // enum route_service
	size_t body_bytes; // of a request, at most
	bool is_local;     // a UNIX socket; else of a network
	// The most that anybody may here, whoever he is; and whether who brings no credential may nothing.
	enum role role_max;
	bool needs_credential;
	const struct tls *tls; // NULL: without TLS; outlives the door
};
